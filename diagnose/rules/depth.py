"""Gradients along the depth of a network: one number a layer and snapshot."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diagnose.rules.progress import quiet_median
from diagnose.run import Floats, Parameter, Steps, Training

NOT_DEEP = ("embedding", "normalization")  # sparse gradients, gains: not comparable with weights


@dataclass(frozen=True)
class Depth:
    """Root-mean-square gradient of each layer's parameters, layers of one network in forward order.

    A recurrent module in which several layers are stacked stands there once for each.
    """

    network: str
    layers: tuple[str, ...]
    steps: Steps
    values: Floats  # (snapshots, layers), NaN where not measured

    def fade(self) -> Floats:
        """Median over snapshots of each layer's gradient relative to the largest further on; NaN for the last."""
        return quiet_median(self._relative(), axis=0)

    def late_fade(self) -> Floats:
        """The same over the last third of the snapshots."""
        return quiet_median(self._relative()[-max(1, len(self.steps) // 3) :], axis=0)

    def _relative(self) -> Floats:
        values = np.where(np.isnan(self.values), -np.inf, self.values)
        later = np.maximum.accumulate(values[:, ::-1], axis=1)[:, ::-1]  # the largest from this layer on
        further = np.concatenate([later[:, 1:], np.full((len(values), 1), np.nan)], axis=1)
        further[~(np.isfinite(further) & (further > 0))] = np.nan
        return np.asarray(self.values / further)


def depths(training: Training, *, layers: int = 3) -> Iterator[Depth]:
    """Every network of at least so many layers with trained weights."""
    roles = {layer.path: layer.role for layer in training.layers}
    order = {layer.path: position for position, layer in enumerate(training.layers)}
    groups: dict[str, dict[tuple[str, int], list[int]]] = {}
    recorded = set(training.places("gradient_norm"))
    parameters = [
        p
        for p in training.parameters
        if p.path in recorded and p.trainable and p.optimized and roles.get(p.layer) not in NOT_DEEP
    ]
    deep = {p.layer for p in parameters if len(p.shape) >= 2}
    for position, parameter in enumerate(parameters):
        if parameter.layer in deep:
            groups.setdefault(parameter.network, {}).setdefault((parameter.layer, _stacked(parameter)), []).append(position)
    matrix = training.matrix("gradient_norm", [p.path for p in parameters])
    sizes = np.array([p.size for p in parameters], dtype=float)
    for network, members in groups.items():
        if len(members) < layers:
            continue
        levels = sorted(members, key=lambda level: (order.get(level[0], len(order)), level[1]))
        values = np.stack([_rms(matrix.values[:, members[level]], sizes[members[level]]) for level in levels], axis=1)
        yield Depth(network, tuple(layer for layer, _ in levels), matrix.steps, values)


def _stacked(parameter: Parameter) -> int:
    """Which of the layers stacked in a recurrent module it belongs to; 0 in any other."""
    found = re.search(r"\.(?:weight|bias)_(?:ih|hh)_l(\d+)(?:_reverse)?$", parameter.path)
    return 0 if found is None else int(found[1])


def _rms(norms: Floats, sizes: Floats) -> Floats:
    seen = ~np.isnan(norms)
    square = np.where(seen, norms, 0.0).astype(float) ** 2
    total = (seen * sizes).sum(axis=1)
    return np.asarray(np.where(total > 0, np.sqrt(square.sum(axis=1) / np.maximum(total, 1)), np.nan))
