from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.rules.progress import LOSS_WITHOUT_LEVEL
from diagnose.rules.trend import pass_noise
from diagnose.run import Floats, Series, Training


@rule(needs=("loss",), symptoms=("loss-spikes",))
def oscillating_loss(
    training: Training,
    *,
    swing: float = 0.25,
    share: float = 0.2,
    beyond_noise: float = 5.0,
    material: float = 0.05,
    blocks: int = 20,
    min_steps: int = 60,
) -> Iterator[Finding]:
    """The loss jumps up and down from epoch to epoch and does not settle.

    What it does:
        Takes the mean loss of each epoch (of `blocks` equal parts where epochs are unknown) over the later half of the
        training. A jump is a change from one to the next by `swing` of the lower and by `material` of what a constant
        prediction loses, `beyond_noise` times what the batches within an epoch explain. Speaks when at least `share`
        of all changes are jumps upwards and as many downwards.

    Why is this bad:
        Steps larger than the valley is wide throw the weights from one side to the other; the last weights are a
        matter of luck.

    Fix:
        A lower learning rate, or one that falls towards the end; larger batches.

    Known problems:
        Batches that come in a fixed order make the loss swing within an epoch; that is `unshuffled-data`. Learning
        rates that restart make it swing by intention: where the rate rises again, nothing is said.

    Example:
        `diagnose run tests/challenges/gh-restless-rmsprop/faulty.py`

    References:
        Choi et al., Deep Learning Tuning Playbook, "high step-to-step variance in the training loss late in training",
        https://github.com/google-research/tuning_playbook. Jumps in a fifth of the epochs: AutoTrainer (Zhang et al.
        2021, section 3.2); measured: 0.4 with a rate 40 times too high, 0 in every sound program.
    """
    if training.kind in LOSS_WITHOUT_LEVEL or training.steps < min_steps:
        return
    series, site = trend.main_loss(training)
    if len(series) < min_steps or series.values.min() < 0 or _restarts(training):
        return
    later = Series(series.quantity, series.place, series.steps[len(series) // 2 :], series.values[len(series) // 2 :])
    means, inner = _parts(training, later, blocks)
    if len(means) < 6:
        return
    scale = trend.reference(training, site, float(np.mean(series.values[:3])))
    change = np.diff(means)
    lower = np.minimum(means[1:], means[:-1])
    large = np.abs(change) > np.maximum(swing * lower, max(material * scale, beyond_noise * inner))
    often = min(np.mean(large & (change > 0)), np.mean(large & (change < 0)))
    if not often > share:
        return
    level, jump = float(np.median(means)), float(np.median(np.abs(change[large])))
    rates = training.series("learning_rate").finite().values
    rate = f" (now {rates[-1]:g})" if len(rates) else ""
    place = site.id if site is not None else "loss"
    yield Finding(
        message=f"mean loss at {place} jumps up in {np.mean(large & (change > 0)):.0%} of the epochs of the later half "
        f"and down in {np.mean(large & (change < 0)):.0%}, by {jump:.3g} where its level is {level:.3g}",
        places=(place,),
        evidence=(
            Evidence(
                series.quantity, series.place, later.span, float(often), "above", share, "share", "jumps / epochs"
            ),
        ),
        severity="warning",
        confidence=0.7,
        steps=later.span,
        fix=Fix(
            f"lower the learning rate{rate} by a factor of three to ten, or let it fall towards the end of the training"
        ),
        source=site.source if site is not None else None,
    )


def _parts(training: Training, series: Series, count: int) -> tuple[Floats, float]:
    """Means of the epochs (or blocks) of a series, and the standard error that the batches within them explain.

    Nothing where the parts are too short to tell their noise, unless each step is a whole epoch: then there is none.
    """
    starts = [s for s in training.epochs if s >= series.steps[0]]
    whole = len(training.epochs) > 0
    if whole and len(starts) < 6:
        return np.empty(0), 0.0
    edges = np.searchsorted(series.steps, starts) if whole else np.arange(0, len(series), max(20, len(series) // count))
    parts = [part for part in np.split(series.values, edges[edges > 0]) if len(part)]
    if len(parts) > 1 and len(parts[-1]) < 0.5 * len(parts[-2]):
        parts.pop()
    means = np.array([part.mean() for part in parts])
    size = float(np.median([len(part) for part in parts]))
    if whole and size == 1:
        return means, 0.0
    spreads = [pass_noise(part) for part in parts if len(part) > 3]
    return (means, float(np.median(spreads)) / np.sqrt(size)) if spreads else (np.empty(0), 0.0)


def _restarts(training: Training) -> bool:
    """Whether the learning rate rises again after it has fallen (warm restarts, cycles)."""
    rates = training.series("learning_rate").finite().values
    if len(rates) < 3:
        return False
    after = rates[int(np.argmax(rates)) :]  # without the warm-up
    return bool(np.any(after > 1.5 * np.minimum.accumulate(after)))
