from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs, trend
from diagnose.rules.progress import LOSS_WITHOUT_LEVEL, jitter
from diagnose.run import LossSite, Series, Training


@rule(needs=("loss",), symptoms=("underfitting", "loss-not-decreasing"))
def stopped_too_early(
    training: Training,
    *,
    gain: float = 0.1,
    material: float = 0.1,
    unlearnt: float = 0.5,
    least: float = 0.01,
    significance: float = 4.0,
    high: float = 2.0,
    far: float = 1.0,
    trend_score: float = 1.64,
    latter: float = 0.5,
    min_steps: int = 12,
) -> Iterator[Finding]:
    """The loss was still falling steeply when the training ended.

    What it does:
        Extrapolates the fall of the training loss over its last half to as many steps again. Speaks when that would
        take off `gain` of the loss and `material` of what a constant prediction loses, the fall over the last quarter
        is `significance` standard errors, the learning rate has not been lowered, and no validation loss has begun
        to rise, or levelled: as many passes more would take off less than `gain` of it. Where more than `unlearnt` of the
        constant's loss is still left, `least` of it is gain enough: the learning has only begun. A loss that is still `high`
        times that of the constant has other troubles. Also, whatever the learning rate did: where as much is left, the steps
        were of the right size, but so few that all together could change no weight by more than `far` of its norm, and the
        loss fell to the end (Mann and Kendall's test over the last two thirds, below -`trend_score`; or each of three held-out
        passes or more below the one before); and where it is less learnt still (half way from there to a constant's loss), but
        more than `latter` of the whole fall came in the second half, by as many standard errors.

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
        1: the weights cannot have become others, as in learning-rate-too-low; of the sound programs left with more than half of
        a constant's loss the shortest walks 1.29. 1.64: one in twenty by chance. 0.5: half of the steps, half of the fall; the
        sound programs that are left with three quarters of a constant's loss have 0.27 at most.
    """
    if training.kind in LOSS_WITHOUT_LEVEL:
        return
    series, site = trend.main_loss(training)
    known = site is not None and site.function in trend.NON_NEGATIVE
    if len(series) < min_steps or not (known or series.values.min() > 0):
        return
    if _turned(training) or trend.levelled(training, gain):
        return
    floor = (1 + unlearnt) / 2 if training.kind == "language" else unlearnt  # half of it is what good models are left with
    scale = trend.reference(training, site, float(np.mean(series.values[:3])))
    falling = None if trend.decayed(training) else trend.fall(series)
    if falling is not None and falling.significance >= significance and falling.level > 0:
        share, left = falling.gain / falling.level, falling.level / scale
        begun = known and floor < left <= 1 and falling.gain > least * scale
        steep = share > gain and falling.gain > material * scale and left <= high
        if begun or steep:
            rest = f"as many again would take off about {share:.0%}" if steep else f"{left:.0%} of what a constant loses is left"
            seen = (share, gain, "expected fall / level") if steep else (left, floor, "level / loss of the best constant")
            evidence = Evidence(series.quantity, series.place, falling.span, seen[0], "above", seen[1], "share", seen[2])
            yield _finding(training, site, (falling.before, falling.level), rest, evidence)
            return
    left = signs.unlearnt(training, site) if site is not None and known else float("nan")
    levels = _levels(series)
    if not floor < left <= trend.A_GUESS:
        return
    late = (levels[1] - levels[2]) / max(levels[0] - levels[2], 1e-30)
    found = trend.few_steps(training, series.values, far=far, score=trend_score)
    if found is not None:
        place, walked = found
        evidence = Evidence("update_norm / weight_norm", place, signs.span(training), walked, "below", far, "share", "median × steps")
        rest = f"all steps together could change no weight by more than {walked:.2g} of its norm, and "
    elif left > (1 + floor) / 2 and late > latter and levels[1] - levels[2] > significance * levels[3]:
        evidence = Evidence(series.quantity, series.place, series.span, late, "above", latter, "share", "second half's fall / whole fall")
        rest = f"that is {late:.0%} of its whole fall, and "
    else:
        return
    rest += f"{left:.0%} of what a constant loses is left"
    yield _finding(training, site, levels[1:3], rest, evidence)


def _levels(series: Series) -> tuple[float, float, float, float]:
    """The loss at the start, in the middle and at the end, and the standard error of the last two's difference."""
    values, width = series.values, max(3, len(series) // 10)
    middle = values[len(values) // 2 - width // 2 :][:width]
    start, now, end = (float(np.mean(part)) for part in (values[: max(3, len(values) // 20)], middle, values[-width:]))
    return start, now, end, jitter(values) * (2 / width) ** 0.5


def _finding(
    training: Training, site: LossSite | None, levels: Sequence[float], rest: str, evidence: Evidence
) -> Finding:
    passes = len(training.epochs)
    more = f"{2 * passes} epochs instead of {passes}" if passes else f"{2 * training.steps} steps instead of {training.steps}"
    place = site.id if site is not None else "loss"
    return Finding(
        message=f"loss at {place} fell from {levels[0]:.3g} to {levels[1]:.3g} in the last half of {training.steps} steps; {rest}",
        places=(place,),
        evidence=(evidence,),
        severity="warning",
        confidence=0.75,
        steps=signs.span(training),  # what is short is the whole: where a loss hardly fell, that began before
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
