"""Second signs: whether a training suffers, told from its loss, so that no odd gradient alone is called a fault."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from diagnose.finding import Evidence
from diagnose.rules.signs import chance_loss, since, site_loss, unlearnt
from diagnose.run import Floats, LossSite, Matrix, Series, Training

LEAST_STEPS = 20  # fewer losses say nothing about a trend
LOSS_WITHOUT_LEVEL = ("gan", "reinforcement")  # kinds whose loss is no measure of success
IDLE = 1e-12  # a norm below this is zero in float32 arithmetic on ordinary weights


def stuck(training: Training, *, share: float = 0.1) -> Evidence | None:
    """Evidence that the training loss has learnt next to nothing from the inputs; None when it has, or nobody knows.

    Where the best constant prediction has a known loss (the entropy of the labels, the variance of the targets), the
    last tenth of the training must have taken off at least `share` of it: that much any network does that works.
    Elsewhere the loss must have fallen by `share` of its first level.
    """
    if training.kind in LOSS_WITHOUT_LEVEL:
        return None
    for site in training.training_losses:
        best_constant, series = constant_answer(training, site), site_loss(training, site).measured()
        if not best_constant > 0 or len(series) < LEAST_STEPS:
            continue
        if series.quantity == "loss" and site.weight not in (None, 1):
            continue  # the total is in other units than the site
        late = ending(series)
        limit = (1 - share) * best_constant
        if not len(late):
            return None  # not a finite value at the end: other rules speak of that
        level = float(np.median(late.values))
        if level > limit:
            return Evidence(series.quantity, series.place, late.span, level, "above", limit, "loss")
        return None
    series = training.series("loss")
    if len(series) < LEAST_STEPS:
        return None
    first, late = beginning(series), ending(series)
    if len(first) < 2 or len(late) < 2:
        return None
    start, level = float(np.median(first.values)), float(np.median(late.values))
    limit = start - share * abs(start)
    if level > limit:
        return Evidence("loss", None, late.span, level, "above", limit, "loss")
    return None


def unstable(training: Training, *, rise: float = 2.0) -> Evidence | None:
    """Evidence that the loss ended non-finite, or `rise` times above where it began, or as far above its best."""
    series = training.series("loss")
    if training.kind in LOSS_WITHOUT_LEVEL or len(series) < 3:
        return None
    tail = series.values[-max(3, len(series) // 10) :]
    bad = ~np.isfinite(series.values)
    if np.isnan(tail).all() or bad[-3:].all():
        step = int(series.steps[int(np.argmax(bad))])
        return Evidence(
            "loss", None, (step, int(series.steps[-1])), float(series.values[-1]), "above", 0.0, "loss", "last"
        )
    finite = series.finite()
    if len(finite) < LEAST_STEPS:
        return None
    level, start = float(np.median(ending(finite).values)), float(finite.values[0])
    smooth = rolling_median(finite.values, max(3, len(finite) // 20))
    best = float(smooth.min())
    # what the loss has gained over the training is the yardstick of what it has lost again
    if start > 0 and level > rise * start:
        return Evidence("loss", None, ending(finite).span, level, "above", rise * start, "loss")
    gained = float(smooth[0]) - best
    if gained > 0 and level - best > 0.5 * gained and level - best > 3 * jitter(finite.values):
        return Evidence("loss", None, ending(finite).span, level, "above", best + 0.5 * gained, "loss")
    return None


def constant_answer(training: Training, site: LossSite) -> float:
    """Loss of the best constant prediction as this site would compute it, NaN where the site weights its terms."""
    arguments = site.arguments
    weighted = any(arguments.get(name) is not None for name in ("weight", "pos_weight"))
    if weighted or arguments.get("label_smoothing") or arguments.get("reduction", "mean") != "mean":
        return float("nan")
    return chance_loss(training, site)


def beginning(series: Series, share: float = 0.05) -> Series:
    """The first part of a series, at least three entries, only what is finite."""
    cut = max(3, int(len(series) * share))
    return Series(series.quantity, series.place, series.steps[:cut], series.values[:cut], series.unit).finite()


def ending(series: Series, share: float = 0.1) -> Series:
    """What lies in the last part of the steps, at least five entries, only what is finite."""
    cut = since(series, share, 5)
    return Series(series.quantity, series.place, series.steps[-cut:], series.values[-cut:], series.unit).finite()


def jitter(values: Floats) -> float:
    """Standard deviation of the noise of a series, from its successive differences (von Neumann 1941), robustly."""
    differences = np.diff(values[np.isfinite(values)])
    return float(1.4826 * np.median(np.abs(differences)) / np.sqrt(2)) if len(differences) else 0.0


def rolling_median(values: Floats, width: int) -> Floats:
    """Medians over windows of `width` values (fewer results than values)."""
    width = max(1, min(width, len(values)))
    if width > 64:  # long windows: medians of blocks say the same at a thousandth of the time
        blocks = values[: len(values) // width * width].reshape(-1, width)
        return np.asarray(np.median(blocks, axis=1))
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(values, width), axis=1))


def trained_weights(training: Training, *, quantity: str = "gradient_norm") -> tuple[str, ...]:
    """Weights of two or more dimensions that are trained. Embeddings, whose gradients are sparse by nature, only where there
    are no others."""
    embeddings = {layer.path for layer in training.layers if layer.role == "embedding"}
    recorded = set(training.places(quantity))
    trained = [p for p in training.parameters if p.path in recorded and len(p.shape) >= 2 and p.trainable and p.optimized]
    return tuple(p.path for p in trained if p.layer not in embeddings) or tuple(p.path for p in trained)


def update_ratios(training: Training) -> Matrix:
    """‖Δw‖ / ‖w‖ of each trained weight at each snapshot; NaN where a weight is (still) zero.

    The norm is the larger of the present and the first one: where a penalty shrinks the weights, the steps do not grow.
    """
    places = tuple(
        p for p in trained_weights(training, quantity="update_norm") if len(training.series("weight_norm", p))
    )
    updates = training.matrix("update_norm", places)
    norms = np.full(updates.values.shape, np.nan)
    for j, place in enumerate(places):
        series = training.series("weight_norm", place)
        positions = np.searchsorted(updates.steps, series.steps)
        inside = positions < len(updates.steps)
        inside[inside] &= updates.steps[positions[inside]] == series.steps[inside]
        norms[positions[inside], j] = series.values[inside]
    if len(norms):
        first = np.where(np.isnan(norms[0]), 0.0, norms[0])
        norms = np.where(np.isnan(norms), np.nan, np.maximum(norms, first))
    norms[~(norms > IDLE)] = np.nan
    return Matrix("update_norm / weight_norm", places, updates.steps, updates.values / norms)


def fastest(ratios: Matrix) -> tuple[str, float] | None:
    """The weight that moves most, and the median of its change a step relative to its norm."""
    typical = quiet_median(ratios.values, axis=0) if ratios.places and len(ratios.steps) else np.empty(0)
    if not np.isfinite(typical).any():
        return None
    place = int(np.nanargmax(typical))
    return ratios.places[place], float(typical[place])


def left_over(training: Training, share: float) -> Evidence | None:
    """Evidence that more than `share` of a constant prediction's loss is left at the end; None after a divergence."""
    for site in training.training_losses:
        series, left = site_loss(training, site), unlearnt(training, site)
        if share < left < float("inf"):
            return Evidence(series.quantity, series.place, series.span, left, "above", share, "share", "last / loss of a constant")
    return None


def quiet_median(values: Floats, axis: int | None = None) -> Floats:
    """Median of what is measured, NaN (without a warning) where nothing is."""
    if axis is None:
        kept = values[~np.isnan(values)]
        return np.asarray(np.median(kept) if len(kept) else np.nan)
    moved = np.moveaxis(values, axis, -1)
    return np.asarray([quiet_median(row) for row in moved.reshape(-1, moved.shape[-1])]).reshape(moved.shape[:-1])


def of_networks(training: Training) -> Sequence[str]:
    """Names of the networks whose parameters are known, in order of appearance."""
    return tuple(dict.fromkeys(p.network for p in training.parameters))
