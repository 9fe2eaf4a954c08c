"""Hooks on modules that copies, pickles and TorchScript never see."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from diagnose.observe.torch_state import busy

_compiling = torch.compiler.is_compiling
_DICTIONARIES = (
    "_forward_hooks", "_forward_pre_hooks", "_forward_hooks_with_kwargs", "_forward_pre_hooks_with_kwargs",
    "_forward_hooks_always_called",
)  # fmt: skip
_NOTHING = (getattr, (nullcontext(), "__exit__"))  # a callable that returns None and loads without us


class Hook:
    """A forward hook (or, `before`, a pre-hook) of ours. It returns None always, so outputs stay the program's.

    Where a module class copies itself in a way of its own, it copies and pickles as a callable that does nothing.
    """

    __slots__ = ("handle", "receive")

    def __init__(self, module: nn.Module, receive: Callable[..., None], *, before: bool = False) -> None:
        self.receive = receive
        register = module.register_forward_pre_hook if before else module.register_forward_hook
        self.handle: Any = register(self, with_kwargs=True)

    def __call__(self, module: nn.Module, *passed: Any) -> None:
        if _compiling() or busy():  # recomputation under checkpointing is inside a backward
            return
        if self.handle is not None:  # taken off while the module was already calling its hooks
            self.receive(module, *passed)

    def remove(self) -> None:
        """Takes the hook off its module."""
        if self.handle is not None:
            self.handle.remove()
            self.handle = None

    def __reduce__(self) -> Any:
        return _NOTHING

    def __deepcopy__(self, memo: Any) -> Any:
        return nullcontext().__exit__


def _reduce_ex(self: nn.Module, protocol: Any) -> Any:
    """What pickle and copy see of a module: everything but our hooks, whatever `__getstate__` its class has."""
    reduced = object.__reduce_ex__(self, protocol)
    if not isinstance(reduced, tuple) or len(reduced) < 3:
        return reduced
    state = reduced[2]
    own = state[0] if isinstance(state, tuple) and state else state
    if not isinstance(own, dict):
        return reduced
    cleaned = _without_ours(own)
    if cleaned is own:
        return reduced
    return (*reduced[:2], (cleaned, *state[1:]) if isinstance(state, tuple) else cleaned, *reduced[3:])


def _without_ours(own: dict[str, Any]) -> dict[str, Any]:
    """A module's variables without our hooks; the very same mapping where there are none."""
    ours = {
        number
        for name in ("_forward_hooks", "_forward_pre_hooks")
        for number, hook in (own.get(name) or {}).items()
        if type(hook) is Hook
    }
    if not ours:
        return own
    cleaned = dict(own)
    for name in _DICTIONARIES:
        if own.get(name):
            cleaned[name] = OrderedDict((k, v) for k, v in own[name].items() if k not in ours)
    return cleaned


_hiding = 0  # how many sessions are attached


def hide_from_copies() -> None:
    """While attached, module copies and pickles leave our hooks out."""
    global _hiding
    _hiding += 1
    if "__reduce_ex__" not in nn.Module.__dict__:
        nn.Module.__reduce_ex__ = _reduce_ex  # type: ignore[assignment]


def stop_hiding() -> None:
    """Undoes one `hide_from_copies`."""
    global _hiding
    _hiding -= 1
    if not _hiding and nn.Module.__dict__.get("__reduce_ex__") is _reduce_ex:
        del nn.Module.__reduce_ex__
