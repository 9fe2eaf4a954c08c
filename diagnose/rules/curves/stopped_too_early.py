from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.rules.progress import LOSS_WITHOUT_LEVEL
from diagnose.run import Training


@rule(needs=("loss",), symptoms=("underfitting",))
def stopped_too_early(
    training: Training,
    *,
    gain: float = 0.1,
    material: float = 0.1,
    unlearnt: float = 0.5,
    least: float = 0.01,
    significance: float = 4.0,
    high: float = 2.0,
    min_steps: int = 12,
) -> Iterator[Finding]:
    """The loss was still falling steeply when the training ended.

    What it does:
        Extrapolates the fall of the training loss over its last half to as many steps again. Speaks when that would
        take off `gain` of the loss and `material` of what a constant prediction loses, the fall over the last quarter
        is `significance` standard errors, the learning rate has not been lowered, and no validation loss has begun
        to rise. Where more than `unlearnt` of the constant's loss is still left, `least` of it is gain enough: the
        learning has only begun. A loss that is still `high` times that of the constant has other troubles.

    Why is this bad:
        The network could be much better for nothing but more steps.

    Fix:
        Train for more epochs, or raise the learning rate when each step changes little.

    Known problems:
        A loss that will fall by a cliff later (grokking) looks finished. A training that was interrupted is judged as
        far as it got.

    Example:
        `diagnose run tests/challenges/gh-hasty-patience/faulty.py`

    References:
        Choi et al., Deep Learning Tuning Playbook, "Examining the training curves",
        https://github.com/google-research/tuning_playbook; sound programs of tests/challenges gain less than 10 % by
        twice the epochs, which is the limit here; as a share of a constant's loss the sound programs gain 0.03 at most
        (19 programs, cautious estimate), trainings cut short 0.17 and more. 0.5: of the trainings whose loss still falls at
        the end, under a rate that was not lowered, the sound ones have 0.24 of a constant's loss left at most, those cut
        short before much was learnt 0.78 and more. Words and letters are half chance: networks that read text well are left
        with 0.45 to 0.56 of a constant's loss, so there the limit lies half way to 1.
    """
    if training.kind in LOSS_WITHOUT_LEVEL or trend.decayed(training):
        return
    series, site = trend.main_loss(training)
    known = site is not None and site.function in trend.NON_NEGATIVE
    if len(series) < min_steps or not (known or series.values.min() > 0):
        return
    falling = trend.fall(series)
    if falling is None or falling.significance < significance or falling.level <= 0:
        return
    scale = trend.reference(training, site, float(np.mean(series.values[:3])))
    share = falling.gain / falling.level
    floor = (1 + unlearnt) / 2 if training.kind == "language" else unlearnt  # half of it is what good models are left with
    begun = known and floor * scale < falling.level <= scale and falling.gain > least * scale
    steep = share > gain and falling.gain > material * scale and falling.level <= high * scale
    if not (begun or steep) or _turned(training):
        return
    last = training.steps - 1
    passes = len(training.epochs)
    more = (
        f"{2 * passes} epochs instead of {passes}"
        if passes
        else f"{2 * training.steps} steps instead of {training.steps}"
    )
    place = site.id if site is not None else "loss"
    left = falling.level / scale
    rest = (
        f"as many again would take off about {share:.0%}" if steep else f"{left:.0%} of what a constant loses is left"
    )
    seen = (share, gain, "expected fall / level") if steep else (left, floor, "level / loss of the best constant")
    yield Finding(
        message=f"loss at {place} fell from {falling.before:.3g} to {falling.level:.3g} in the last half of "
        f"{training.steps} steps; {rest}",
        places=(place,),
        evidence=(Evidence(series.quantity, series.place, falling.span, seen[0], "above", seen[1], "share", seen[2]),),
        severity="warning",
        confidence=0.75,
        steps=(falling.span[0], last),
        fix=Fix(f"train longer: {more}, until the loss stops falling", f"epochs = {2 * passes}" if passes else None),
        source=site.source if site is not None else None,
    )


def _turned(training: Training) -> bool:
    """Whether a validation loss stopped falling: its last pass is above the best by more than a hundredth."""
    for evaluation in trend.held_out(training, passes=3):
        _, losses = trend.finite_passes(evaluation)
        best = float(losses.min())
        if losses[-1] > best + 0.01 * abs(best) and int(np.argmin(losses)) < len(losses) - 2:
            return True
    return False
