"""Floating-point operations of a step, counted on the autograd graph of the program's own forward: nothing runs twice.

The formulas are those of torch's `FlopCounterMode` (a multiply-add is two operations; what works element by element is
not counted), applied to the shapes that the graph holds. What torch's counter does not know is counted in the same way:
recurrent kernels by the sizes of their weights, attention on the CPU like attention elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any

from torch.utils.flop_counter import (
    bmm_flop,
    conv_flop_count,
    mm_flop,
    sdpa_backward_flop_count,
    sdpa_flop_count,
)

from diagnose.observe import graph

Node = Any  # torch.autograd.graph.Node
Shape = Sequence[int]
HIDES = ("Checkpoint", "CompiledFunction", "ScriptFunction")  # what runs inside such a node stands in no graph of ours


@dataclass
class Count:
    """Operations of one or several backwards and their forwards; `unknown` are operations that could not be counted."""

    forward: int = 0
    backward: int = 0
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, other: Count) -> None:
        """Another backward of the same step."""
        self.forward += other.forward
        self.backward += other.backward
        self.unknown.update(other.unknown)


def count(nodes: Iterable[Node]) -> Count:
    """The operations of the nodes of a graph, each once."""
    told = Count()
    for node in nodes:
        if hasattr(node, "variable"):
            continue
        name = graph.operation(node)
        formula = FORMULAS.get(name) or (_attention if name.startswith("scaled_dot_product") else None)
        if formula is None:
            if any(word in node.name() for word in HIDES):
                told.unknown[name] += 1
            continue
        try:
            forward, backward = formula(node)
        except (_Unknown, AssertionError, RuntimeError, TypeError, ValueError, IndexError):
            told.unknown[name] += 1
            continue
        told.forward += forward
        told.backward += backward
    return told


class _Unknown(Exception):
    """A shape that the graph does not tell."""


def _inputs(node: Node) -> list[Node | None]:
    return [parent for parent, _ in node.next_functions]


def _shape(node: Node | None) -> Shape | None:
    """Of what a node gives, or of the leaf it stands for."""
    if node is None:
        return None
    variable = getattr(node, "variable", None)
    return list(variable.shape) if variable is not None else graph.shape_of(node)


def _output(node: Node) -> Shape:
    shape = graph.shape_of(node)
    if shape is None:
        raise _Unknown
    return shape


def _wanted(first: Node | None, second: Node | None, each: int) -> int:
    """A product's gradient by either factor costs as much as the product."""
    return each * ((first is not None) + (second is not None))


def _product(first: int, saved: tuple[str, str]) -> Callable[[Node], tuple[int, int]]:
    def formula(node: Node) -> tuple[int, int]:
        """A matrix product; its sizes are kept beside the saved tensors, which are not touched."""
        one, other = _inputs(node)[first : first + 2]
        shapes = [list(map(int, getattr(node, name, None) or ())) for name in saved]
        if any(len(shape) != 2 for shape in shapes):
            shapes = _completed(_output(node), _shape(one), _shape(other))
        forward = _multiplied(*map(tuple, shapes))
        return forward, _wanted(one, other, forward)

    return formula


def _batched(first: int) -> Callable[[Node], tuple[int, int]]:
    def formula(node: Node) -> tuple[int, int]:
        """A product for each matrix of a batch."""
        one, other = _inputs(node)[first : first + 2]
        forward = _multiplied(*map(tuple, _completed(_output(node), _shape(one), _shape(other))))
        return forward, _wanted(one, other, forward)

    return formula


@lru_cache(maxsize=1024)
def _multiplied(one: Shape, other: Shape) -> int:
    """Of a product of matrices, or of two batches of them; torch's formulas make fifteen calls each."""
    return int(mm_flop(one, other) if len(one) == 2 else bmm_flop(one, other))


def _completed(output: Shape, one: Shape | None, other: Shape | None) -> list[list[int]]:
    """The shapes of both factors from the product's and one factor's."""
    *batch, rows, columns = output
    known = one[-1] if one is not None else other[-2] if other is not None else None
    if known is None:
        raise _Unknown
    return [[*batch, rows, known], [*batch, known, columns]]


def _convolution(node: Node) -> tuple[int, int]:
    one, weight = _inputs(node)[:2]
    output, kernel, transposed = _output(node), _shape(weight), bool(node._saved_transposed)
    given = _shape(one)
    if kernel is None:  # frozen, or made without gradients: its sizes stand in no graph
        raise _Unknown
    if given is None and transposed:
        given = [output[0], kernel[0], *_before_transposed(node, output[2:], kernel[2:])]
    forward = int(conv_flop_count(list(given or output), list(kernel), list(output), transposed=transposed))
    return forward, _wanted(one, weight, forward)


def _before_transposed(node: Node, output: Shape, kernel: Shape) -> list[int]:
    """The spatial size of what a transposed convolution was given.

    Source: https://docs.pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html, shape, solved for the input.
    """
    settings = (getattr(node, f"_saved_{name}") for name in ("stride", "padding", "dilation", "output_padding"))
    return [
        (size - dilation * (width - 1) - 1 - extra + 2 * padding) // stride + 1
        for size, width, stride, padding, dilation, extra in zip(output, kernel, *settings, strict=True)
    ]


def _attention(node: Node) -> tuple[int, int]:
    query, key, value = (_shape(one) for one in _inputs(node)[:3])
    output = _output(node)
    known = key or value
    if known is None or len(output) != 4:
        raise _Unknown
    query = list(query or (*output[:3], known[-1]))
    key, value = list(key or known), list(value or (*known[:3], output[-1]))
    return int(sdpa_flop_count(query, key, value)), int(sdpa_backward_flop_count(list(output), query, key, value))


def _recurrent(node: Node) -> tuple[int, int]:
    """Each weight matrix is applied at each step of each sequence: once forward, backward for its gradient and its input's."""
    inputs = _inputs(node)
    weights = [shape for one in inputs if hasattr(one, "variable") and len(shape := _shape(one) or ()) == 2]
    if not weights:
        raise _Unknown
    places = prod(_output(node)[:-1])
    by_input, by_state = (sum(2 * prod(shape) * places for shape in weights[start::2]) for start in (0, 1))
    forward = by_input + by_state
    return forward, forward + by_state + (by_input if inputs[0] is not None else 0)


FORMULAS: Mapping[str, Callable[[Node], tuple[int, int]]] = {
    "mm": _product(0, ("_saved_self_sym_sizes", "_saved_mat2_sym_sizes")),
    "addmm": _product(1, ("_saved_mat1_sym_sizes", "_saved_mat2_sym_sizes")),
    "bmm": _batched(0), "baddbmm": _batched(1),
    "convolution": _convolution, "convolution_overrideable": _convolution, "cudnn_convolution": _convolution,
    "mkldnn_rnn_layer": _recurrent, "cudnn_rnn": _recurrent, "miopen_rnn": _recurrent,
}  # fmt: skip
