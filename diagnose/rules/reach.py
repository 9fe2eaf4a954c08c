"""How gradients change on their way back through time: along a recurrent module, or over calls of a reused one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from diagnose.run import Floats, Layer, Parameter, Series, Steps, Training

EXPLODED = 1e3  # times the newest gradient; a ReLU network that starts as the identity and is clipped stays below ten (measured)
CALLS = 4  # calls of a module in one forward that are kept apart; the last entry holds all later ones


@dataclass(frozen=True)
class Reach:
    """Gradient at each time relative to the newest."""

    place: str
    layer: Layer | None
    steps: Steps
    values: Floats  # (snapshots, times), oldest first, the last column 1
    quantity: str

    @property
    def early(self) -> Floats:
        """The first quarter of the times (at least one)."""
        return self.values[:, : max(1, self.values.shape[1] // 4)]


def reached(training: Training, parameter: Parameter) -> bool | None:
    """Whether a gradient was ever computed for it; None when that was not observed."""
    present = training.series("gradient_present", parameter.path).measured()
    moved = training.series("update_norm", parameter.path).finite()
    if parameter.reached or (present.values > 0).any() or (moved.values > 0).any():
        return True  # some optimizers (LBFGS) clear the gradients before anyone can look
    return False if len(present) else parameter.reached


def cut_from_loss(training: Training, layer: Layer) -> bool:
    """Whether no gradient ever came to any parameter of a layer."""
    own = [p for p in training.parameters if p.path in layer.parameters]
    return bool(own) and all(p.trainable and reached(training, p) is False for p in own)


def cut_off(training: Training) -> Iterator[tuple[Layer, Series]]:
    """Recurrent cells called again and again, of whose calls the loss reaches the last alone: the state was detached.

    That an earlier call has no gradient proves nothing (it may not have been observed), but nor does data flow from it
    to any layer or loss. With the cell comes the gradient of its last call's output.
    """
    reached = {edge.source for edge in training.edges} | set(training.places("output_gradient_norm"))
    for layer in training.layers:
        calls = [layer.path, *(f"{layer.path}#{i}" for i in range(2, CALLS + 1))]
        if layer.role != "recurrent" or "#" in layer.path or not all(training.layer(call) for call in calls):
            continue
        newest = training.series("output_gradient_norm", calls[-1]).finite()
        if len(newest) and reached.isdisjoint(calls[:-1]) and calls[-1] in {edge.source for edge in training.edges}:
            yield layer, newest


def reaches(training: Training, *, min_length: int = 8) -> Iterator[Reach]:
    """Recurrent modules over sequences of at least `min_length`, and layers called again and again in one forward."""
    for place in training.places("through_time"):
        series = training.series("through_time", place).measured()
        if len(series) and series.values.ndim == 2 and series.values.shape[1] >= min_length:
            yield Reach(place, training.layer(place.split("#", 1)[0]), series.steps, series.values, "through_time")
    recorded = set(training.places("output_gradient_norm"))
    for layer in training.layers:
        calls = [layer.path, *(f"{layer.path}#{i}" for i in range(2, CALLS + 1))]
        if "#" in layer.path or not layer.parameters or not recorded.issuperset(calls):
            continue
        matrix = training.matrix("output_gradient_norm", calls)
        newest = matrix.values[:, -1:]
        seen = (newest[:, 0] > 0) & np.isfinite(matrix.values).all(axis=1)
        if seen.any():
            values = matrix.values[seen] / newest[seen]
            yield Reach(layer.path, layer, matrix.steps[seen], values, "output_gradient_norm")
