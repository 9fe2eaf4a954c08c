"""What torch is doing right now, and whether a tensor is one we may look at."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Untracked:
    """What `torch.no_grad()` does, without the dozen calls that make it a decorator too: it is entered several times a step."""

    __slots__ = ("_before",)

    def __enter__(self) -> None:
        self._before = torch._C.is_grad_enabled()
        torch._C._set_grad_enabled(False)

    def __exit__(self, *_: object) -> None:
        torch._C._set_grad_enabled(self._before)


def in_backward() -> bool:
    """Whether autograd is running a backward on this thread (recomputation under checkpointing is inside one)."""
    return bool(torch._C._current_graph_task_id() != -1)


def busy() -> bool:
    """Whether torch runs a backward, a tracer or a functional transform (vmap, grad) on this thread.

    Modules that are called then are called again, or with tensors that have no values, and what we do is recorded.
    """
    return bool(
        torch._C._current_graph_task_id() != -1
        or torch._C._get_tracing_state() is not None
        or torch._C._functorch.peek_interpreter_stack() is not None
    )


def plain(tensor: object) -> bool:
    """A real tensor of the user's: no subclass, no functorch wrapper, not while tracing."""
    return (
        isinstance(tensor, Tensor)
        and type(tensor) in (Tensor, nn.Parameter)
        and not torch._C._functorch.is_functorch_wrapped_tensor(tensor)
        and torch._C._get_tracing_state() is None
    )
