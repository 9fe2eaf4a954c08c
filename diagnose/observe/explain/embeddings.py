"""Symbols made differentiable: the output of an embedding takes the place of its input.

A gradient cannot reach a symbol. What is attributed is the embedded symbol, as captum's layer integrated gradients on the
embedding do; a map then sums over its width.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn


@contextmanager
def embeddings_of(model: nn.Module) -> Iterator[list[tuple[nn.Module, Tensor]]]:
    """While open, lists each call of an embedding with what it was given."""
    asked: list[tuple[nn.Module, Tensor]] = []

    def note(module: nn.Module, args: Any, output: Any) -> None:
        if args and isinstance(args[0], Tensor):
            asked.append((module, args[0].detach().clone()))

    handles = [m.register_forward_hook(note) for m in model.modules() if isinstance(m, nn.Embedding)]
    try:
        yield asked
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def fed(replaced: Sequence[tuple[nn.Module, int, Tensor]]) -> Iterator[None]:
    """While open, the n-th call of an embedding answers with the given tensor."""
    count: Counter[int] = Counter()

    def answer(module: nn.Module, args: Any, output: Tensor) -> Tensor:
        nth = count[id(module)]
        count[id(module)] += 1
        for owner, which, value in replaced:
            if owner is module and which == nth:
                return value.to(output.dtype) * 1
        return output

    handles = [owner.register_forward_hook(answer) for owner in {id(o): o for o, _, _ in replaced}.values()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
