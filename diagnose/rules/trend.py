"""Loss curves under noise: levels, trends by test, and what a longer training would gain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

from diagnose.rules.progress import LOSS_WITHOUT_LEVEL, fastest, jitter, update_ratios
from diagnose.rules.signs import CATEGORICAL, chance_loss, site_loss
from diagnose.run import EvaluationSet, Floats, LossSite, Series, Training

# Losses that cannot fall below zero: for these a ratio of levels has a meaning.
NON_NEGATIVE = (
    "cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits", "mse_loss", "l1_loss",
    "smooth_l1_loss", "huber_loss", "kl_div", "multi_margin_loss", "triplet_margin_loss", "hinge_embedding_loss",
    "ctc_loss", "soft_margin_loss", "multilabel_soft_margin_loss",
)  # fmt: skip


MOST_PAIRED = 500  # values of which all pairs are compared: 100,000 of them would take days and all memory


HEALTHY = 1e-3  # of a weight's norm in a step; where steps are smaller, learning-rate-too-low speaks
A_GUESS = 1.05  # times what a constant reaches, own choice: the noise of few batches (one that had just begun stood at 1.001)


@dataclass(frozen=True)
class Pair:
    """An evaluation set and the training losses it may be compared with: same function, same arguments."""

    evaluation: EvaluationSet
    site: LossSite
    training: Series  # finite values, per step

    @property
    def comparable_levels(self) -> bool:
        """Whether one number can be held against the other: a sum depends on the size of its batch."""
        return bool(self.site.arguments.get("reduction", "mean") == "mean")


def held_out(training: Training, *, passes: int) -> Iterator[EvaluationSet]:
    """Evaluation sets of at least so many finite passes that are no training data, the most often evaluated first."""
    if training.kind in LOSS_WITHOUT_LEVEL:
        return
    sets = [e for e in training.evaluations if np.isfinite(e.loss).sum() >= passes and not e.trained_on > 0.5]
    # where some sets are known to be training data, one whose samples were never seen is the held-out one
    yield from sorted(sets, key=lambda e: -len(e))


def pairs(training: Training, *, passes: int) -> Iterator[Pair]:
    """Each held-out set with the training loss of its own function and arguments."""
    for evaluation in held_out(training, passes=passes):
        for site in training.training_losses:
            series = evenly(site_loss(training, site).finite())
            if site.function == evaluation.site.function and _same(site, evaluation.site) and len(series):
                yield Pair(evaluation, site, series)
                break


def _same(left: LossSite, right: LossSite) -> bool:
    """Whether an evaluation's loss is that of the training; of a sum the mean over samples is recorded, of one label each the same."""
    one, two = ({k: v for k, v in site.arguments.items() if v is not None} for site in (left, right))
    labels = right.function in CATEGORICAL and len(right.target_shape or ()) == 1
    if labels and one.get("reduction") == "mean" and two.get("reduction") == "sum":
        two["reduction"] = "mean"
    return one == two


def finite_passes(evaluation: EvaluationSet) -> tuple[Floats, Floats]:
    """(steps, losses) of the passes with a finite loss."""
    keep = np.isfinite(evaluation.loss)
    return np.asarray(evaluation.steps[keep], np.float64), np.asarray(evaluation.loss[keep], np.float64)


def reference(training: Training, site: LossSite | None, start: float) -> float:
    """What losses are measured by: that of the best constant prediction where known, else where this curve began."""
    chance = chance_loss(training, site) if site is not None else float("nan")
    return chance if chance > 0 else abs(start)


def kendall(values: Floats) -> float:
    """Mann and Kendall's test for a trend: standard normal when there is none, negative for a falling series.

    All pairs are compared, so more than MOST_PAIRED values enter as the means of so many blocks: what a trend weighs against
    the noise stays the same.

    Source: Mann 1945, Econometrica 13:245; Kendall 1975. Of three values |z| is 1.04 at most, of four 1.7, of five 2.2.
    """
    values = blocks(values, MOST_PAIRED) if len(values) > MOST_PAIRED else values
    n = len(values)
    if n < 3:
        return 0.0
    i, j = np.triu_indices(n, 1)
    score = float(np.sign(values[j] - values[i]).sum())
    spread = sqrt(n * (n - 1) * (2 * n + 5) / 18)
    return float(score - np.sign(score)) / spread


def generalises(training: Training, below: float = float("inf"), clearly: float = 0.97, alike: float = 0.8) -> bool:
    """Whether a held-out loss falls beyond doubt (one false alarm in a thousand) and ends below a level; or its last three
    passes lie `clearly` below that, by as many times their noise, and not below `alike` of the training loss: what is held out
    may be easier to guess (prices of a calm year).

    It has less noise than the batches' losses: where little can be learnt, it tells that this little is. 0.97: at 0.99
    two faulty programs of tests/challenges that learnt nothing are believed; 0.8: from 0.5 to 0.9 it changes no verdict there, and
    held-out prices of a calm year were at 0.46 of the training loss.
    """
    series, _ = main_loss(training)
    level = float(np.mean(series.values[-max(5, len(series) // 5) :])) if len(series) else float("nan")
    for held in held_out(training, passes=3):
        _, losses = finite_passes(held)
        if len(losses) >= 8 and kendall(losses) < -3.09 and losses[-1] < below:
            return True
        if below < float("inf") and losses[-3:].max() + 3.09 * pass_noise(losses[-3:]) < clearly * below and losses[-1] > alike * level:
            return True
    return False


def blocks(values: Floats, count: int) -> Floats:
    """Means of `count` equal blocks (fewer where there are fewer values): neighbouring batches share their luck."""
    count = max(1, min(count, len(values)))
    return np.array([part.mean() for part in np.array_split(values, count)])


def pass_noise(losses: Floats) -> float:
    """Standard deviation of the noise of passes, from successive differences: the larger of the plain estimate (von
    Neumann 1941) and the robust one, because passes are few."""
    differences = np.diff(losses)
    plain = float(np.sqrt(np.mean(differences**2) / 2)) if len(differences) else 0.0
    return max(plain, jitter(losses))


def spread_of_mean(values: Floats) -> float:
    """Standard error of a mean, the noise taken from successive differences so that a trend does not count."""
    return jitter(values) / sqrt(len(values)) if len(values) > 1 else float("inf")


def epoch_means(training: Training, series: Series) -> Floats:
    """Mean of a series over each whole epoch; empty where epochs are unknown."""
    starts = np.searchsorted(series.steps, np.asarray(training.epochs, np.int64))
    ends = [*starts[1:], len(series)]
    return np.array([series.values[a:b].mean() for a, b in zip(starts, ends, strict=True) if b > a])


def decayed(training: Training, *, share: float = 0.5) -> bool:
    """Whether the learning rate ended below `share` of its largest value: then a flat end is by design."""
    rates = training.series("learning_rate").finite().values
    return len(rates) > 0 and bool(np.median(rates[-5:]) < share * rates.max())


@dataclass(frozen=True)
class Fall:
    """How a loss falls in the later half of a training, and what as many steps again would take off."""

    level: float  # of the last eighth
    before: float  # of the eighth before the half
    gain: float  # expected of as many steps again, a cautious estimate
    significance: float  # fall of the last quarter in standard errors
    span: tuple[int, int]


def fall(series: Series) -> Fall | None:
    """Extrapolates the fall of a loss over its last half; None with fewer than 12 values, or 3 in one of its last quarters.

    Levels at one half, three quarters and the end give two drops. Their ratio q is that of an exponential approach to
    a floor (Aitken's extrapolation), so as many steps again, which are four quarters, take off d (q + q^2 + q^3 + q^4).
    The drops enter with one standard error against the gain, and q is at most 1: a curve is not expected to bend down.
    `significance` is the drop from the third quarter's mean to the last's, in standard errors.
    """
    if len(series) < 12:
        return None
    values, steps = series.values, series.steps
    # By steps, not by entries: a run that could not pay for all of them has fewer of its later ones.
    marks = steps[0] + (steps[-1] - steps[0]) * np.array([0.375, 0.5, 0.625, 0.75, 0.875])
    ends = [*np.searchsorted(steps, marks, side="right").tolist(), len(values)]
    parts = [values[max(0, min(ends[at], ends[at + 1] - 3)) : ends[at + 1]] for at in (0, 2, 4)]
    earlier, later = values[ends[1] : ends[3]], values[ends[3] :]
    if min(len(earlier), len(later)) < 3 or ends[1] < 3:
        return None
    half, third, last = (float(np.mean(part)) for part in parts)
    error = max(spread_of_mean(part) for part in parts)
    first_drop, drop = half - third, third - last
    low = drop - error
    if low <= 0:
        return Fall(last, half, 0.0, drop / error if error > 0 else 0.0, _span(series))
    q = min(1.0, low / max(first_drop + error, 1e-30)) if first_drop + error > 0 else 1.0
    gain = low * (q + q**2 + q**3 + q**4)
    wide = float(np.hypot(spread_of_mean(earlier), spread_of_mean(later)))
    significance = float(np.mean(earlier) - np.mean(later)) / wide if wide > 0 else float("inf")
    return Fall(last, half, min(gain, max(last, 0.0)) if last > 0 else gain, significance, _span(series))


def few_steps(training: Training, values: Floats, *, far: float = 1.0, score: float = 1.64) -> tuple[str, float] | None:
    """The weight that moves most and how far all steps together could take it, in norms of its own: where that is less than
    `far` although each step has the right size, and the loss (its `values`) falls to the end. What such a training shows is how
    the weights were drawn.

    Falls: by Mann and Kendall's test over the last two thirds, or each of three held-out passes or more is below the one before.
    The limits are those of stopped-too-early, whose thresholds must be literals.
    """
    found = fastest(update_ratios(training))
    if found is None or not HEALTHY <= found[1] <= far / training.steps:
        return None
    held = (finite_passes(one)[1] for one in held_out(training, passes=3))
    if kendall(values[len(values) // 3 :]) < -score or any((np.diff(losses) < 0).all() for losses in held):
        return found[0], found[1] * training.steps
    return None


def levelled(training: Training, gain: float, learnt: float = 0.75) -> bool:
    """Whether a held-out loss has come to `learnt` of a constant's (own choice: a quarter of all there is), and as many passes more,
    each taking off what those of the last quarter did, would take off less than `gain` of it."""
    for held in held_out(training, passes=3):
        _, losses = finite_passes(held)
        chance, last = chance_loss(training, held.site), max(1, len(losses) // 4)
        level = float(losses[-1])
        slope = (float(losses[-1 - last]) - level) / last
        if 0 < level < learnt * chance and slope * len(losses) < gain * level:
            return True
    return False


def _span(series: Series) -> tuple[int, int]:
    return int(series.steps[0] + series.steps[-1] + 1) // 2, int(series.steps[-1])


def main_loss(training: Training) -> tuple[Series, LossSite | None]:
    """The curve to judge a training by: its only known loss where that is a mean and all of it, else the root."""
    sites = training.training_losses
    if len(sites) == 1 and sites[0].function != "custom":
        site = sites[0]
        whole = site.weight is None or abs(site.weight - 1) < 1e-3 or _steady_weight(training, site)
        if whole and site.arguments.get("reduction", "mean") == "mean":
            return evenly(site_loss(training, site).finite()), site
    return evenly(training.series("loss").finite()), None


def evenly(series: Series) -> Series:
    """Entries about equally far apart: a run of fast steps that could not pay for all of them has many of its first steps and few
    of its later ones, and shares of its entries are no shares of the training.

    As far apart as they are around the middle one of the steps; left as they are where nine of ten lie about that far apart.
    """
    gaps = np.diff(series.steps)
    if len(gaps) < 2:
        return series
    ordered = np.sort(gaps)
    usual = int(ordered[np.searchsorted(np.cumsum(ordered), ordered.sum() / 2)])
    if np.mean(gaps < 0.25 * usual) < 0.1:  # own choice: such halves are 45 to 55 % of the steps at worst
        return series
    kept, last = [0], int(series.steps[0])
    for at, step in enumerate(series.steps.tolist()):
        if step - last >= usual:
            kept.append(at)
            last = step
    return Series(series.quantity, series.place, series.steps[kept], series.values[kept])


def maximised(training: Training) -> LossSite | None:
    """The only loss, where it is one that cannot be negative and enters the backward with a negative weight."""
    sites = training.training_losses
    if training.kind in LOSS_WITHOUT_LEVEL or len(sites) != 1 or sites[0].function not in NON_NEGATIVE:
        return None
    return sites[0] if sites[0].weight is not None and sites[0].weight < 0 else None


def _steady_weight(training: Training, site: LossSite) -> bool:
    """Whether the backward's root is this loss and nothing else, scaled (accumulation, a loss scaler)."""
    root, part = training.series("loss"), training.series("training_loss", site.id)
    if not len(root) or len(root) != len(part) or not site.weight:
        return False
    apart = np.abs(root.values - site.weight * part.values)
    return bool(np.nanmedian(apart) <= 1e-3 * np.nanmedian(np.abs(root.values)))
