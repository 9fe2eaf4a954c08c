from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.rules.progress import LOSS_WITHOUT_LEVEL, jitter, rolling_median
from diagnose.run import LossSite, Series, Training


@rule(
    needs=("loss",),
    symptoms=("oscillating-loss", "loss-spikes", "loss-not-decreasing", "underfitting", "wasted-epochs"),
)
def diverging_loss(
    training: Training,
    *,
    above_start: float = 2.0,
    lost: float = 0.5,
    hold: float = 0.1,
    below_zero: float = 1.0,
    min_steps: int = 12,
) -> Iterator[Finding]:
    """The training loss grows instead of falling.

    What it does:
        Speaks when the loss ends non-finite after finite values; when it stays, over the last `hold` of the steps,
        above `above_start` times its first level, or has given back `lost` of all it had gained, beyond its noise; or
        when a loss that cannot be negative for proper targets falls below zero by `below_zero` times its start. Where the only
        loss is one that cannot be negative and its negative is what goes backward, that is said: it is maximised.

    Why is this bad:
        The weights leave the region in which the network works; they seldom come back.

    Fix:
        A lower learning rate or a warm-up; clip the gradient; look for targets outside what the loss allows.

    Known problems:
        A learning rate that restarts makes the loss rise for a while; the end of the run decides. Adversarial and
        reinforcement learning are left out: their losses may grow in good health.

    Example:
        `diagnose run tests/challenges/gh-rising-rate/faulty.py`

    References:
        Goodfellow, Bengio & Courville 2016, Deep Learning, section 11.4; twice the first level and half of the gain are
        outside everything that sound programs do (losses given back there: at most 0.1). Noise of 30 % around a level that stays is four
        of its own standard errors above its start in one of 200 trainings of 14 to 60 steps, and in one of 40 without that.
    """
    if training.kind in LOSS_WITHOUT_LEVEL:
        return
    whole, risen = training.series("loss").measured(), trend.maximised(training)
    ended = _ended_non_finite(training, whole)
    if ended is not None and risen is None:
        yield ended
        return
    series, site = trend.main_loss(training)
    if risen is not None:
        series, site = signs.site_loss(training, risen).finite(), risen
    if len(series) < min_steps:
        return
    tail = series.values[-signs.since(series, hold, 3) :]
    level, low = float(np.median(tail)), float(np.quantile(tail, 0.25))
    first = series.values[: max(3, min(5, len(series) // 20))]
    start = float(np.median(first))
    unsure = jitter(series.values) * (1 / len(first) + 1 / len(tail)) ** 0.5  # of the difference of two levels
    span = (int(series.steps[-len(tail)]), int(series.steps[-1]))
    name = site.id if site is not None else "loss"
    if site is not None and site.function in trend.NON_NEGATIVE and level < -below_zero * abs(start):
        limit = -below_zero * abs(start)
        text = f"loss at {name} fell to {level:.3g}, though {site.function} of proper targets is never negative"
        yield _finding(
            text, series, site, span, level, "below", limit, "bring the targets into the range that the loss allows"
        )
        return
    if start <= 0 and not (site is not None and site.function in trend.NON_NEGATIVE):
        return
    smooth = rolling_median(series.values, max(3, len(series) // 20))
    best = float(smooth.min())
    gained = float(smooth[: max(1, len(smooth) // 10)].max()) - best
    rates = training.series("learning_rate").finite().values
    lower = (
        f"lower the learning rate (now {rates.max():g}), or clip the gradient"
        if len(rates)
        else "lower the learning rate"
    )
    if level > above_start * start > 0 and low > start and level - start > 4 * unsure:
        text = f"loss at {name} is {level:.3g} at the end, {level / start:.1f} times its start ({start:.3g})"
        if risen is not None:
            text += f", for {risen.weight:g} times it goes backward: it is maximised"
            lower = "leave the sign of the loss as it is: an optimizer minimises"
            yield replace(_finding(text, series, site, span, level, "above", above_start * start, lower), confidence=0.97)
            return
        yield _finding(text, series, site, span, level, "above", above_start * start, lower)
        return
    limit = best + lost * gained
    later = len(smooth) - 1 - int(np.argmin(smooth))
    held = low > best + 0.8 * lost * gained and later > 0.05 * len(smooth)
    if gained > 4 * jitter(series.values) and level > limit and held and level - best > 4 * jitter(series.values):
        share = (level - best) / gained
        text = f"loss at {name} rose from {best:.3g} back to {level:.3g}, {share:.0%} of what it had gained"
        yield _finding(text, series, site, span, level, "above", limit, lower)


def _ended_non_finite(training: Training, series: Series) -> Finding | None:
    non_finite = [e for e in training.events if e.kind == "non-finite" and e.details.get("what") == "loss"]
    recorded = training.series("loss")
    if len(recorded) < 2:
        return None
    finite = np.isfinite(recorded.values)
    if finite[-1] or not finite.any():
        return None
    lost = bool(np.isinf(recorded.values[-1])) or bool(non_finite)
    if not lost or not finite[: len(finite) // 2 + 1].any():
        return None
    last = int(np.flatnonzero(finite)[-1])
    if not (~finite[last + 1 :]).all():
        return None
    step, value = int(recorded.steps[last + 1]), float(recorded.values[last])
    return Finding(
        message=f"loss is not finite from step {step} on; it was {value:.3g} before",
        places=("loss",),
        evidence=(
            Evidence("loss", None, (step, int(recorded.steps[-1])), float("inf"), "above", value, "loss", "last"),
        ),
        severity="error",
        confidence=0.9,
        steps=(step, int(recorded.steps[-1])),
        fix=Fix("lower the learning rate, clip the gradient, and look at what the first non-finite value comes from"),
    )


def _finding(
    text: str,
    series: Series,
    site: LossSite | None,
    span: tuple[int, int],
    value: float,
    comparison: str,
    limit: float,
    fix: str,
) -> Finding:
    return Finding(
        message=text,
        places=(site.id if site is not None else "loss",),
        evidence=(Evidence(series.quantity, series.place, span, value, comparison, limit, "loss"),),  # type: ignore[arg-type]
        severity="error",
        confidence=0.85,
        steps=span,
        fix=Fix(fix),
        source=site.source if site is not None else None,
    )
