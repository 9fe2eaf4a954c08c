"""Second signs: whether a training learns, read off its own losses, predictions and targets.

A suspicious setting is a fault only where it hurts, so rules ask here how the training fares.
"""

from __future__ import annotations

from math import log, pi, prod, sqrt

import numpy as np
from numpy.typing import NDArray

from diagnose.finding import Evidence
from diagnose.run import Floats, LossSite, Series, Training

REGRESSION = ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")
CATEGORICAL = ("cross_entropy", "nll_loss")
BINARY = ("binary_cross_entropy", "binary_cross_entropy_with_logits")
LINEAR = ("addmm", "mm", "bmm", "baddbmm", "addbmm", "linear", "matmul", "convolution", "mkldnn_convolution", "addmv")


def late(series: Series, share: float = 0.2) -> Floats:
    """The finite values in the last `share` of the steps, at least three where there are three.

    Of the steps, not of what was recorded of them: on a busy machine, and where steps are quick, later ones are recorded less often.
    """
    kept = series.finite()
    return kept.values[-since(kept, share, 3) :]


def since(series: Series, share: float, least: int) -> int:
    """How many of a series' last entries lie in the last `share` of its steps, and `least` at least."""
    if not len(series):
        return least
    first = series.steps[-1] - share * (series.steps[-1] - series.steps[0])
    return max(least, int(len(series) - np.searchsorted(series.steps, first)))


def at_end(training: Training, quantity: str, place: str | None = None, share: float = 0.2) -> Floats:
    """The last finite values of a quantity, as `late`; none when they do not tell how the training ended."""
    series = training.series(quantity, place).finite()
    return late(series, share) if tells_end(training, series) else np.empty(0)


def tells_end(training: Training, series: Series) -> bool:
    """Whether a series was seen in the training's second half, or the loss has stood still since it was seen last.

    Still: it changed by at most a twentieth of what it has fallen in all (of a fifth of its start, if it fell less).
    """
    if not len(series):
        return False
    last, whole = int(series.steps[-1]), training.steps - 1
    if last >= 0.5 * whole:
        return True
    loss = training.series("loss").finite()
    then = loss.values[(loss.steps >= 0.8 * last) & (loss.steps <= last)]
    if last < 0.1 * whole or len(then) < 5:
        return False
    start, end = middle(early(loss)), middle(late(loss))
    return abs(middle(then) - end) <= 0.05 * max(abs(start - end), 0.2 * abs(start))


def early(series: Series, count: int = 5) -> Floats:
    """The first `count` finite values."""
    return series.finite().values[:count]


def middle(values: Floats) -> float:
    """Their median, NaN without values."""
    return float(np.median(values)) if len(values) else float("nan")


def typical(training: Training, quantity: str, place: str | None = None) -> float:
    """The median over all finite values of a quantity at a place, NaN when there is none."""
    return middle(training.series(quantity, place).finite().values)


def extreme(training: Training, quantity: str, place: str, side: str) -> float:
    """The 10th ("low") or 90th percentile of a quantity over the snapshots, NaN when there is none."""
    values = training.series(quantity, place).finite().values
    return float(np.percentile(values, 10 if side == "low" else 90)) if len(values) else float("nan")


def classes(site: LossSite) -> int | None:
    """Number of classes a categorical loss chooses among: the length of its class axis."""
    shape = site.input_shape
    if site.function not in CATEGORICAL or not shape:
        return None
    return shape[1] if len(shape) > 1 else shape[0]


def class_shares(training: Training, site: LossSite) -> Floats:
    """Share of each class among all labels seen at the site, empty where unknown; shape (classes,)."""
    counts = training.series("class_count", site.id).finite().values
    if counts.ndim != 2 or not counts.size or counts.sum() <= 0:
        return np.empty(0)
    return np.asarray(counts.sum(axis=0) / counts.sum(), dtype=np.float64)


def labels_seen(training: Training, site: LossSite) -> int:
    """How many labels were counted at the site over all snapshots."""
    counts = training.series("class_count", site.id).finite().values
    return int(counts.sum()) if counts.size else 0


def site_loss(training: Training, site: LossSite) -> Series:
    """The loss at this site at each step; the training's own where it has only this one and its was not recorded."""
    series = training.series("training_loss", site.id)
    if not len(series.measured()) and len(training.training_losses) == 1:
        return training.series("loss")
    return series


def per_sample(training: Training, site: LossSite, value: float) -> float:
    """A loss that was summed over the batch, per sample; where a mean would be over all elements, per element."""
    if site.arguments.get("reduction", "mean") == "sum":
        each = prod(site.input_shape[1:]) if site.input_shape and site.function in (*REGRESSION, *BINARY) else 1
        return value / max(typical(training, "samples") * each, 1.0)
    return value


def target_spread(training: Training, site: LossSite) -> float:
    """Standard deviation of the targets over all batches: within them and between their means."""
    within = training.series("loss_target_std", site.id).finite().values
    means = training.series("loss_target_mean", site.id).finite().values
    if not len(within):
        return float("nan")
    return sqrt(float(np.mean(within**2)) + (float(np.var(means)) if len(means) > 1 else 0.0))


def chance_loss(training: Training, site: LossSite) -> float:
    """The loss of the best constant prediction: what a network that has learnt nothing reaches, NaN where unknown.

    The entropy of the labels for classes, the variance (squared error) or the mean deviation of a normal
    distribution (absolute error: sqrt(2/pi) standard deviations) for quantities. Unknown where classes are weighted.
    """
    if any(site.arguments.get(name) is not None for name in ("weight", "pos_weight")):
        return float("nan")
    across = training.series("loss_target_std_across", site.id).finite().values  # of each output apart
    if site.function in CATEGORICAL:
        shares = class_shares(training, site)
        if len(shares):
            present = shares[shares > 0]
            return float(-(present * np.log(present)).sum())
        count = classes(site)
        return log(count) if count and count > 1 else float("nan")
    if site.function in BINARY:
        if typical(training, "loss_target_integer_share", site.id) < 1:
            return float("nan")  # soft targets: even the best prediction keeps their entropy
        means = training.series("loss_target_mean", site.id).finite().values
        share = float(np.mean(means)) if len(means) else 0.5
        together = -share * log(share) - (1 - share) * log(1 - share) if 0 < share < 1 else log(2)
        # A constant for each output apart reaches at most this mean entropy (Topsoe 2001, H(p) <= ln 2 (4 p q)^(1 / ln 4)).
        return min(together, log(2) * (4 * float(np.mean(across**2))) ** (1 / log(4))) if len(across) else together
    spread = sqrt(float(np.mean(across**2)) + _between(training, site, across)) if len(across) else target_spread(training, site)
    match site.function:
        case "mse_loss":
            return spread**2
        case "l1_loss":
            return spread * sqrt(2 / pi)
        case "smooth_l1_loss" | "huber_loss":  # quadratic below 1, linear above
            return spread * sqrt(2 / pi) if spread > 1 else spread**2 / 2
    return float("nan")


def _between(training: Training, site: LossSite, across: Floats) -> float:
    """Variance of the batches' mean targets beyond what batches drawn at random have: much where the data are in order."""
    means = training.series("loss_target_mean", site.id).finite().values
    rows = site.target_shape[0] if site.target_shape else 0
    if len(means) < 2 or rows < 2:
        return 0.0
    return max(0.0, float(np.var(means, ddof=1)) - float(np.mean(across**2)) / rows)


def lost(training: Training, series: Series) -> bool:
    """Whether a loss that was finite became NaN or infinite for good. A NaN alone may mean "not measured"."""
    finite = np.isfinite(series.values)
    if any(event.kind == "non-finite" for event in training.events):
        return len(finite) > 0 and not finite[-3:].any()
    if len(finite) and not finite.any():
        return bool(training.training_losses)  # a loss that was called has a value: here NaN, from the first step on
    tail = max(5, len(finite) // 20)
    return len(finite) > 2 * tail and not finite[-tail:].any() and bool(finite.any()) and _unbroken(finite)


def _unbroken(finite: NDArray[np.bool_]) -> bool:
    """Whether the loss was measured at most steps before it was last finite."""
    return float(np.mean(finite[: int(np.flatnonzero(finite)[-1]) + 1])) > 0.8


def unlearnt(training: Training, site: LossSite) -> float:
    """Loss at the end over that of the best constant prediction: 1 nothing learnt, 0 all; inf after a divergence."""
    series = site_loss(training, site)
    if lost(training, series):
        return float("inf")
    chance = chance_loss(training, site)
    return max(per_sample(training, site, middle(late(series))) / chance, 0.0) if chance > 0 else float("nan")


def steps_to_a_guess(training: Training, site: LossSite, *, times: float = 3.0, share: float = 0.05) -> tuple[int, Evidence] | None:
    """How long the loss took to come down to that of a constant answer, which it began `times` above; None where that is
    less than `share` of the training (or 20 steps), or unknown."""
    series, chance = site_loss(training, site).finite(), chance_loss(training, site)
    if not (len(series) and chance > 0 and series.steps[0] <= 5):
        return None
    values = np.array([per_sample(training, site, float(v)) for v in series.values])
    below = np.flatnonzero(values <= chance)
    needed = int(series.steps[below[0]]) if len(below) else training.steps
    if not (values[0] > times * chance and needed > max(share * training.steps, 20)):
        return None
    first = Evidence(series.quantity, series.place, (0, needed), float(values[0]), "above", times * chance, statistic="first")
    return needed, first


def loss_drop(training: Training) -> float:
    """The training loss at the end over that at the start: below 1 where it fell; inf after a divergence."""
    series = training.series("loss")
    if lost(training, series):
        return float("inf")
    start = middle(early(series))
    return middle(late(series)) / start if start > 0 else float("nan")


def accuracy(training: Training, site: LossSite) -> float:
    """Share of right answers in the training batches at the end, NaN where unknown."""
    return middle(at_end(training, "loss_accuracy", site.id))


def nearest(site: LossSite, among: tuple[str, ...]) -> str | None:
    """The operation that made the site's input, clamping and averaging aside, if it is among these."""
    kept = ("clamp", "clamp_min", "clamp_max", "mean", "sum", "add", "div")
    operation = next((o for o in site.operations[:4] if o not in kept), None)
    return operation if operation in among else None


def made_by(site: LossSite, operation: str) -> Evidence:
    """Evidence that an operation made the site's input, as the autograd graph shows it."""
    return Evidence(operation, site.id, None, 1.0, "equal", 1.0, statistic="operations before the loss")


def span(training: Training) -> tuple[int, int] | None:
    """All of the training's steps: what was wrong from the first one on."""
    return (0, training.steps - 1) if training.steps else None


def where(site: LossSite) -> str:
    """The layer that made the site's input, else the site itself."""
    return site.layer or site.id
