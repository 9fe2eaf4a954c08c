"""The few points that every PyTorch training passes, intercepted so that programs do not notice.

Each replaced function is entered and left without a trace: TorchScript compiles the original, warnings blame the
user's line, compiled regions see the original.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)

from diagnose.observe.dynamo import Dynamo
from diagnose.observe.interceptions import interceptions

PASSING = ("backward", "clip_grad_norm_", "clip_grad_value_")  # not needed while steps are only counted
# `warnings` skips frames whose file name holds both words, so that stacklevel=2 still blames the user's line.
HIDDEN = "<diagnose importlib._bootstrap>"
_compiling = torch.compiler.is_compiling


def hidden(function: Any) -> Any:
    """Gives a function a code object that `warnings` and our traceback filter step over."""
    function.__code__ = function.__code__.replace(co_filename=HIDDEN)
    return function


def standing(function: Any) -> Any:
    """A function without the wrappers of those who have been removed: watches need not end in the order they began."""
    seams = getattr(function, "_seams", None)
    while isinstance(seams, Seams) and not seams.installed:
        function = getattr(function, "__original_fn")
        seams = getattr(function, "_seams", None)
    return function


class Seams:
    """Installs the interceptions and passes what happens to `listener`, whose methods never raise."""

    def __init__(self, listener: Any) -> None:
        self.listener = listener
        self.installed = False
        self.suspensions = 0
        self.resting = False  # steps are only counted: see `rest`
        self.dynamo = Dynamo(self)
        self.quiet = self.dynamo.quiet
        self._undo: list[Callable[[], None]] = []
        self._global_hooks: dict[str, Callable[..., None]] = {}
        self._before: Any = None  # handles of the hooks on every optimizer's step
        self._after: Any = None
        self._counted: Callable[..., None] | None = None  # told of steps while they are only counted
        self._functions: list[tuple[Any, str, Any, Any]] = []  # holder, name, original, ours

    def install(self) -> None:
        """Puts every interception in place; `remove` puts everything back."""
        for holder, name, make in interceptions():
            original = getattr(holder, name)
            self._replace(holder, name, self._finish(make(self, original), original))
        self.resting = False
        self._counted = None
        self._before = register_optimizer_step_pre_hook(self._unless_compiling("step_begins"))
        self._after = register_optimizer_step_post_hook(self._step_ends())
        for handle in (
            nn.modules.module.register_module_parameter_registration_hook(self._unless_compiling("module_built")),
            nn.modules.module.register_module_module_registration_hook(self._unless_compiling("module_built")),
        ):
            self._undo.append(handle.remove)
        self.installed = True
        self.dynamo.meet()

    def remove(self) -> None:
        """Puts every original back, where nobody else has replaced ours meanwhile."""
        self.installed = self.resting = False
        for holder, name, original, ours in reversed(self._functions):
            if holder.__dict__.get(name) is ours:
                setattr(holder, name, standing(original))
        self._functions.clear()
        for hook in (self._before, self._after):
            if hook is not None:
                hook.remove()
        self._before = self._after = None
        while self._undo:
            self._undo.pop()()
        self.dynamo.leave()

    def rest(self, stepped: Callable[..., None]) -> None:
        """From now on `stepped` alone is told of optimizer steps; what else belongs to a step passes by, until `wake`."""
        self.resting = True
        self._counted = stepped
        if self._before is not None:
            self._before.remove()
            self._before = None
        for holder, name, original, ours in self._functions:
            if name in PASSING and holder.__dict__.get(name) is ours:
                setattr(holder, name, original)

    def wake(self) -> None:
        """The listener is told of everything again."""
        self.resting = False
        self._counted = None
        if self._before is None:
            self._before = register_optimizer_step_pre_hook(self._unless_compiling("step_begins"))
        if not self.suspensions:
            for holder, name, original, ours in self._functions:
                if name in PASSING and holder.__dict__.get(name) in (original, standing(original)):
                    setattr(holder, name, ours)

    def _step_ends(self) -> Callable[..., None]:
        """The hook behind every optimizer's step. It stays where it is: it rests and wakes while torch goes through such hooks,
        and one that came or went then would end the program's step with an error."""
        hook = self._global_hooks.get("step_ends")
        if hook is None:

            def hook(*args: Any) -> None:
                if self._counted is not None:
                    self._counted(*args)
                elif not _compiling():
                    self.listener.step_ends(*args)

            self._global_hooks["step_ends"] = hook
            self.called_between_graphs(hook)
        return hook

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """The original functions and unhooked modules are in place while this is open."""
        self.suspensions += 1
        self.listener.unhook_all()
        if self.suspensions == 1:
            for holder, name, original, ours in self._functions:
                if holder.__dict__.get(name) is ours:
                    setattr(holder, name, original)
        try:
            yield
        finally:
            self.suspensions -= 1
            if self.suspensions == 0 and self.installed:
                for holder, name, original, ours in self._functions:
                    if holder.__dict__.get(name) is original:
                        setattr(holder, name, ours)
            if self.installed:
                self.listener.hook_again()

    def functions(self) -> list[Any]:
        """Ours that stand in for torch's."""
        return [ours for _, _, _, ours in self._functions]

    def called_between_graphs(self, function: Callable[..., Any]) -> None:
        """Names a function of ours that runs in the program's own calls."""
        self.dynamo.codes.append(function.__code__)

    def _unless_compiling(self, name: str) -> Callable[..., None]:
        """A global hook that calls the listener's method, and steps aside in compiled code."""

        hook = self._global_hooks.get(name)
        if hook is None:

            def hook(*args: Any) -> None:
                if not _compiling():
                    getattr(self.listener, name)(*args)

            self._global_hooks[name] = hook
            self.called_between_graphs(hook)
        return hook

    def _replace(self, holder: Any, name: str, ours: Any) -> None:
        original = holder.__dict__[name]
        self._functions.append((holder, name, original, ours))
        setattr(holder, name, ours)

    def _finish(self, ours: Any, original: Callable[..., Any]) -> Callable[..., Any]:
        functools.update_wrapper(ours, original)
        ours.__dict__.pop("__wrapped__", None)
        hidden(ours)
        setattr(ours, "__script_if_tracing_wrapper", True)
        setattr(ours, "__original_fn", original)
        ours._seams = self
        made: Callable[..., Any] = ours
        return made
