"""Losses written by hand as a mean of squares or of distances: what they were given is still in the autograd graph.

`((net(x) - y) ** 2).mean()` keeps the difference for its backward. The network's output and the difference give the target.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from diagnose.observe import graph

MOST = 1_000_000  # elements of an output that is kept until its loss is seen
_WHOLE = {"MeanBackward0": "mean", "SumBackward0": "sum"}  # over all elements


def custom_site(line: tuple[str, int]) -> str:
    """The id of a hand-written loss: the place of the backward from it."""
    return f"custom ({os.path.basename(line[0])}:{line[1]})"


class Output:
    """What a network's call gave: the values, without their graph, and the node that made them."""

    __slots__ = ("node", "values", "version")

    def __init__(self, tensor: Tensor) -> None:
        self.node = graph.key(tensor.grad_fn)
        self.values = tensor.detach()
        self.version = tensor._version

    def intact(self) -> bool:
        """Whether nothing has been written into it since."""
        return self.values._version == self.version


@dataclass(frozen=True)
class Compared:
    """A prediction and what it was compared with."""

    function: str
    reduction: str
    prediction: Tensor
    target: Tensor
    node: Any  # that made the prediction

    def item(self) -> dict[str, Any]:
        """What is written down of it, as of a call of torch's own function."""
        dtype = str(self.prediction.dtype).removeprefix("torch.")
        return {
            "function": self.function, "arguments": {"reduction": self.reduction, "hand_written": True},
            "input_shape": list(self.prediction.shape), "target_shape": list(self.target.shape),
            "input_dtype": dtype, "target_dtype": dtype, "operations": graph.operations_before(self.node),
        }  # fmt: skip


def compared(root: Any, outputs: Iterable[Output]) -> Compared | None:
    """The prediction and the target of a hand-written loss; None where it is not certain what they are.

    Args:
        root: the node of the loss.
        outputs: of the networks called in this step.
    """
    if root is None or root.name() not in _WHOLE:
        return None
    reduction, distance = _WHOLE[root.name()], root.next_functions[0][0]
    while distance is not None and distance.name() == "MeanBackward1" and reduction == "mean":  # .mean(1).mean()
        distance = distance.next_functions[0][0]
    found = _difference(distance) if distance is not None else None
    if found is None:
        return None
    function, difference = found
    minus = distance.next_functions[0][0]
    if minus is None or minus.name() != "SubBackward0" or minus._saved_alpha != 1:
        return None
    sides = [node for node, _ in minus.next_functions]
    if len(sides) != 2 or (sides[0] is None) == (sides[1] is None):
        return None  # two predictions, or none
    node = sides[0] if sides[0] is not None else sides[1]
    given: dict[int | None, Output] = {o.node: o for o in outputs if o.node is not None and o.intact()}
    made = node
    while graph.key(made) not in given and graph.operation(made) in graph.SAME_ORDER and len(made.next_functions) == 1:
        made = made.next_functions[0][0]
        if made is None:
            return None
    output = given.get(graph.key(made))
    if output is None or output.values.numel() != difference.numel() or output.values.dtype != difference.dtype:
        return None
    prediction = output.values.reshape(difference.shape)
    with torch.no_grad():
        target = prediction - difference if sides[0] is not None else prediction + difference
    return Compared(function, reduction, prediction, target, node)


def _difference(node: Any) -> tuple[str, Tensor] | None:
    """(function, difference) of a square or an absolute value, from what autograd has saved of it."""
    try:
        saved = getattr(node, "_saved_self", None)
        match node.name():
            case "PowBackward0" if node._saved_exponent == 2:
                function = "mse_loss"
            case "MulBackward0" if len(node.next_functions) == 2 and node.next_functions[0] == node.next_functions[1]:
                function = "mse_loss"
                saved = saved if saved is not None and saved is node._saved_other else None
            case "AbsBackward0":
                function = "l1_loss"
            case _:
                return None
    except RuntimeError:  # changed in place since: its backward will say so
        return None
    return (function, saved.detach()) if type(saved) is Tensor else None
