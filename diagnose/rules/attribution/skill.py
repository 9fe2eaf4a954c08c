"""How much of what a network has learnt is left when something of its input is exchanged between samples."""

from __future__ import annotations

import math
from collections.abc import Iterator

from diagnose.explanation import Explanation, Intervention
from diagnose.finding import Source
from diagnose.run import Training


def explanations(training: Training) -> Iterator[Explanation]:
    """Those of networks that could be explained."""
    return (one for one in training.explanations if one.refused is None)


def left(explanation: Explanation, loss: float, accuracy: float) -> float:
    """What is left of what was learnt, 1 for all and 0 for what a constant answer has; NaN where that is not known.

    Told by the share right where there are classes, since the loss of a confident network has no ceiling; else by the loss.
    """
    best, worst, now = explanation.accuracy, explanation.chance_accuracy, accuracy
    if not all(map(math.isfinite, (best, worst, now))):
        best, worst, now = -explanation.loss, -explanation.chance, -loss
    if not all(map(math.isfinite, (best, worst, now))) or best - worst <= 0:
        return math.nan
    return min(1.0, max(0.0, (now - worst) / (best - worst)))


def left_by(explanation: Explanation, one: Intervention) -> float:
    """What is left after an exchange."""
    return left(explanation, one.loss, one.accuracy)


def learnt(explanation: Explanation) -> float:
    """How good the network is: the share of what a constant answer gets wrong that it gets right, or of its loss."""
    if math.isfinite(explanation.accuracy) and math.isfinite(explanation.chance_accuracy):
        wrong = 1 - explanation.chance_accuracy
        return (explanation.accuracy - explanation.chance_accuracy) / wrong if wrong > 0 else math.nan
    if explanation.chance > 0:
        return 1 - explanation.loss / explanation.chance
    return math.nan


def source_of(training: Training, explanation: Explanation) -> Source | None:
    """The line that built the network's first layer."""
    own = (layer.source for layer in training.layers if layer.network == explanation.network.split(".")[0])
    return next((source for source in own if source is not None), None)
