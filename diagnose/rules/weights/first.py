"""What the first snapshot and the first loss show of weights that were drawn too small or too large."""

from __future__ import annotations

import numpy as np

from diagnose.finding import Evidence
from diagnose.rules.progress import LOSS_WITHOUT_LEVEL, constant_answer
from diagnose.rules.reach import EXPLODED, reaches
from diagnose.rules.signs import site_loss
from diagnose.run import Training

SIGMOID = 0.25  # its steepest slope: what it leaves of a signal at the most


def signal(training: Training, change: float) -> Evidence | None:
    """The spread over samples changes out of proportion between the first layer with weights and the last one."""
    first: dict[str, tuple[int, float]] = {}
    for layer in training.layers:
        series = training.series("batch_std", layer.path).measured()
        if layer.role in ("linear", "convolution") and len(series):
            first[layer.path] = int(series.steps[0]), float(series.values[0])
    if len(first) < 3:
        return None
    (begin, (step, before)), (end, (_, after)) = next(iter(first.items())), list(first.items())[-1]
    if not before > 0 or np.isnan(after):
        return None
    grown = max(after / before, 1e-30)
    said = f"from {begin} to {end} it changes {grown:.1e} times"
    if grown > change:
        return Evidence("batch_std", end, (step, step), grown, "above", change, "ratio", said)
    between = training.layers[_at(training, begin) : _at(training, end)]
    least = SIGMOID ** sum(layer.activation == "sigmoid" for layer in between) / change
    if grown < least:
        return Evidence("batch_std", end, (step, step), grown, "below", least, "ratio", said)
    return None


def _at(training: Training, path: str) -> int:
    return [layer.path for layer in training.layers].index(path)


def loss(training: Training, times: float = 2.0) -> Evidence | None:
    """The first loss is far above that of a constant answer: the first outputs are large and wrong."""
    for site in training.training_losses:
        constant, series = constant_answer(training, site), site_loss(training, site).finite()
        if len(series) and constant > 0 and series.values[0] > times * constant and site.weight in (None, 1):
            value = float(series.values[0])
            said = f"the first loss is {value:.3g} where a constant answer has {constant:.3g}"
            span = (int(series.steps[0]), int(series.steps[0]))
            return Evidence(series.quantity, series.place, span, value, "above", times * constant, "loss", said)
    return None


def saturated(training: Training, share: float = 0.5) -> Evidence | None:
    """An activation lies at its flat ends from the first snapshot on."""
    for layer in training.layers:
        series = training.series("saturated_share", layer.path).measured()
        if layer.activation in ("tanh", "sigmoid") and len(series) and series.values[0] > share:
            value, span = float(series.values[0]), (int(series.steps[0]), int(series.steps[0]))
            said = f"{value:.0%} of {layer.path} starts at its flat ends"
            return Evidence("saturated_share", layer.path, span, value, "above", share, "share", said)
    return None


def through_time(training: Training) -> Evidence | None:
    """The gradient explodes along time in the first snapshot already, before any step could have made it."""
    for reach in reaches(training):
        value, step = float(reach.early[0].max()), int(reach.steps[0])
        if step == 0 and value > EXPLODED:
            said = f"the gradient at the first times of {reach.place} starts at {value:.1e} times the newest"
            return Evidence(reach.quantity, reach.place, (step, step), value, "above", EXPLODED, "ratio", said)
    return None


def dwarfed(training: Training, times: float) -> Evidence | None:
    """The first loss was so large that all of the training went into coming down from it."""
    series = training.series("loss").finite()
    last = float(np.median(series.values[-max(3, len(series) // 10) :])) if len(series) else 0.0
    if training.kind in LOSS_WITHOUT_LEVEL or not 0 < times * last < float(series.values[0]):
        return None
    return Evidence("loss", None, series.span, float(series.values[0]), "above", times * last, "loss", "first")


def alike(training: Training, limit: float) -> Evidence | None:
    """The last layer's first outputs hardly differ between samples."""
    ends = [la for la in training.layers if la.role in ("linear", "convolution") and len(training.series("batch_std", la.path).measured())]
    if not ends:
        return None
    series = training.series("batch_std", ends[-1].path).measured()
    value, step = float(series.values[0]), int(series.steps[0])
    if not value < limit:
        return None
    said = f"the first outputs of {ends[-1].path} differ by {value:.1e} between samples"
    return Evidence("batch_std", ends[-1].path, (step, step), value, "below", limit, None, said)
