"""A code that a network draws so that no gradient comes back through it, told from the flow of data alone."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from diagnose.run import Layer, Training


class CutCode(NamedTuple):
    """Two sister layers that give the mean and the spread of the code, and the layer that takes what is drawn."""

    one: Layer
    other: Layer
    taker: Layer


def cut_code(training: Training) -> CutCode | None:
    """A code drawn from two sister layers by which no gradient comes back.

    The layer that takes the code seems to begin a network, but what it is given has the shape of the two sisters and not of
    any input, and from them nothing flows into another layer; or only a draw by torch.normal does, whose gradient is zero.
    """
    given = {one.shape for one in training.inputs}
    linear = [layer for layer in training.layers if layer.role in ("linear", "convolution") and layer.shape is not None]
    layers = {layer.path for layer in training.layers}
    origins: dict[str, set[str]] = {}
    on: set[str] = set()
    for edge in training.edges:
        cut = "normal" in edge.operations
        origins.setdefault(edge.target, set()).add("input" if cut else edge.source)
        if not cut and edge.target in layers and edge.target.split("/", 1)[0] != edge.source:
            on.add(edge.source)
    for i, taker in enumerate(linear):
        if origins.get(taker.path) != {"input"} or taker.input_shape is None or taker.input_shape in given:
            continue
        for one, other in pairwise(linear[:i]):
            sisters = one.shape == other.shape == taker.input_shape and origins.get(one.path) == origins.get(other.path) != {"input"}
            if sisters and not {one.path, other.path} & on:
                return CutCode(one, other, taker)
    return None
