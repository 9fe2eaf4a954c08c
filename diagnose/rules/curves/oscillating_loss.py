from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.rules.progress import LOSS_WITHOUT_LEVEL, jitter
from diagnose.run import Floats, Series, Training


@rule(needs=("loss",), symptoms=("loss-spikes",))
def oscillating_loss(
    training: Training,
    *,
    swing: float = 0.25,
    beyond_noise: float = 5.0,
    material: float = 0.05,
    blocks: int = 20,
    min_steps: int = 60,
) -> Iterator[Finding]:
    """The loss jumps up and down from epoch to epoch and does not settle.

    What it does:
        Takes the mean loss of each epoch (of `blocks` equal parts where epochs are unknown) over the later half of the
        training. Speaks when they jump by `swing` of their level from one to the next, and by `material` of what a
        constant prediction loses, `beyond_noise` times more than the batches within an epoch explain, without getting
        lower (Mann-Kendall).

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
        https://github.com/google-research/tuning_playbook; measured: 0.5 and more with rates too high, below 0.1 in
        sound programs once the level is material.
    """
    if training.kind in LOSS_WITHOUT_LEVEL or training.steps < min_steps:
        return
    series, site = trend.main_loss(training)
    if len(series) < min_steps or series.values.min() < 0 or _restarts(training):
        return
    later = Series(series.quantity, series.place, series.steps[len(series) // 2 :], series.values[len(series) // 2 :])
    means, inner = _parts(training, later, blocks)
    if len(means) < 6 or trend.kendall(means) < -2.33:
        return
    level, jump = float(np.median(means)), jitter(means)
    scale = trend.reference(training, site, float(np.mean(series.values[:3])))
    if jump < swing * level or jump < material * scale or jump < beyond_noise * inner:
        return
    rates = training.series("learning_rate").finite().values
    rate = f" (now {rates[-1]:g})" if len(rates) else ""
    place = site.id if site is not None else "loss"
    yield Finding(
        message=f"mean loss at {place} jumps by {jump:.3g} from epoch to epoch in the later half, "
        f"{jump / level:.0%} of its level",
        places=(place,),
        evidence=(
            Evidence(
                series.quantity,
                series.place,
                later.span,
                jump / level,
                "above",
                swing,
                "share",
                "jitter of means / level",
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
    """Means of the epochs (or blocks) of a series, and the standard error that the batches within them explain."""
    starts = np.searchsorted(series.steps, [s for s in training.epochs if s >= series.steps[0]])
    edges = [int(s) for s in starts] if len(starts) >= 6 else list(range(0, len(series), max(1, len(series) // count)))
    parts = [part for part in np.split(series.values, edges[1:] if edges and edges[0] == 0 else edges) if len(part)]
    if len(parts) > 1 and len(parts[-1]) < 0.5 * len(parts[-2]):
        parts.pop()
    means = np.array([part.mean() for part in parts])
    size = float(np.median([len(part) for part in parts]))
    spreads = [jitter(part) for part in parts if len(part) > 3]
    return means, float(np.median(spreads)) / np.sqrt(size) if spreads else 0.0


def _restarts(training: Training) -> bool:
    """Whether the learning rate rises again after it has fallen (warm restarts, cycles)."""
    rates = training.series("learning_rate").finite().values
    if len(rates) < 3:
        return False
    after = rates[int(np.argmax(rates)) :]  # without the warm-up
    return bool(np.any(after > 1.5 * np.minimum.accumulate(after)))
