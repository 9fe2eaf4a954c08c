"""What DeepLift needs: the explained number as a module, whose activations are modules that run once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn

from diagnose.observe.explain.subject import Subject


class Lifted(nn.Module):
    """`Work.forward` as a module that holds the network."""

    def __init__(self, work: Any) -> None:
        super().__init__()
        self.network = work.subject.model
        self._work = work

    def forward(self, *given: Tensor) -> Tensor:
        """The explained number of each sample."""
        found: Tensor = self._work.forward(*given)
        return found


# Non-linear operations of autograd that DeepLift's rules must replace; elsewhere than in a module they pass unseen, and the
# maps are silently those of gradients (https://github.com/meta-pytorch/captum/issues/1082).
NONLINEAR = ("Relu", "LeakyRelu", "Elu", "Gelu", "Silu", "Tanh", "Sigmoid", "Softplus", "Softmax", "MaxPool", "Hardtanh")


def unfit_for_deep_lift(subject: Subject) -> str | None:
    """Why DeepLift would give wrong maps without a word: reused modules, activations that are no modules."""
    count: Counter[str] = Counter()
    names = {id(module): name for name, module in subject.model.named_modules()}
    inside: Counter[str] = Counter()

    def note(module: Any, args: Any, output: Any) -> None:
        if not list(module.children()):
            count[names[id(module)]] += 1
            node = output.grad_fn if isinstance(output, Tensor) else None
            if node is not None:
                inside[_operation(node)] += 1

    handles = [module.register_forward_hook(note) for module in subject.model.modules()]
    rows = torch.arange(1)
    try:
        with torch.enable_grad():
            values = [given.values(rows).requires_grad_() for given in subject.inputs]
            output = subject.predict(rows, values)
    finally:
        for handle in handles:
            handle.remove()
    reused = [name for name, times in count.items() if times > 1]
    if reused:
        return f"{reused[0]} is called {count[reused[0]]} times in one pass"
    everywhere = Counter(_operation(node) for node in _graph(output.grad_fn))
    for operation, times in everywhere.items():
        if operation in NONLINEAR and times > inside[operation]:
            return f"{operation.lower()} is computed outside of a module"
    if any(isinstance(m, nn.RNNBase | nn.MultiheadAttention) for m in subject.model.modules()):
        return "a recurrent or attention layer computes inside of one module what DeepLift must see apart"
    return None


def _operation(node: Any) -> str:
    name = type(node).__name__.rstrip("0123456789").removesuffix("Backward")
    return next((known for known in NONLINEAR if name.startswith(known)), name)


def _graph(root: Any) -> list[Any]:
    seen, waiting = {}, [root]
    while waiting:
        node = waiting.pop()
        if node is None or id(node) in seen:
            continue
        seen[id(node)] = node
        waiting += [after for after, _ in node.next_functions]
    return list(seen.values())
