"""Tensors in whatever a program passes around, and references that do not keep them."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from typing import Any

from torch import Tensor


def tensors(value: Any, depth: int = 3) -> Iterator[Tensor]:
    """The tensors in nested tuples, lists, dicts and dataclass-like outputs."""
    if isinstance(value, Tensor):
        yield value
    elif depth:
        if isinstance(value, dict):
            value = list(value.values())
        elif hasattr(value, "__dataclass_fields__"):
            value = [getattr(value, name, None) for name in value.__dataclass_fields__]
        if isinstance(value, (tuple, list)):
            for part in value:
                yield from tensors(part, depth - 1)
        elif hasattr(value, "data") and isinstance(getattr(value, "data", None), Tensor):  # packed sequences
            yield value.data


def first_tensor(value: Any) -> Tensor | None:
    """The first tensor of an input or output."""
    return next(tensors(value), None)


def weak(thing: object) -> Callable[[], Any]:
    """A weak reference where the type allows one, else a function that gives None."""
    try:
        return weakref.ref(thing)
    except TypeError:
        return lambda: None
