from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import EvaluationSet, Floats, Training

SHORT = 10  # steps: between full batches with a look at every fifth, in a sound program, and 70 in one that idled


@rule(needs=("evaluations",), symptoms=())
def wasted_epochs(
    training: Training,
    *,
    useful: float = 0.3,
    tolerance: float = 0.02,
    many: int = 70,
    still: float = 0.1,
    min_passes: int = 10,
) -> Iterator[Finding]:
    """Most of the training changed nothing.

    What it does:
        Finds the pass after which the validation loss never gained more than `tolerance` of what it had gained, nor
        more than twice its own jitter. If that lies in the first `useful` part of at least `min_passes` passes,
        the rest is noted. It is a warning where `many` passes or more follow the first fifth and the training loss
        falls by less than `still` of its level in them (not where a pass is fewer than ten steps).

    Why is this bad:
        Time and energy for nothing; the same result was there after a fraction of the epochs.

    Fix:
        Stop when the validation loss has not improved for some epochs.

    Known problems:
        Accuracy may still creep up while the loss stands. A validation loss that rises is overtraining.

    Example:
        200 epochs of a network that is done after 20

    References:
        Prechelt 1998, Early Stopping - But When?, https://doi.org/10.1007/3-540-49430-8_3. 70: of the sound programs
        of tests/challenges one idled for 52 passes; the one that is there for its idling, for 92.
    """
    if training.kind in ("gan", "reinforcement"):
        return
    for evaluation in training.evaluations:
        if len(evaluation) >= min_passes and not evaluation.trained_on > 0.9:
            yield from _judge(training, evaluation, useful, tolerance, many, still)
            return


def _judge(
    training: Training, evaluation: EvaluationSet, useful: float, tolerance: float, many: int, still: float
) -> Iterator[Finding]:
    losses = evaluation.loss
    if not np.isfinite(losses).all():
        return
    best = np.minimum.accumulate(losses)
    gained = float(best[0] - best[-1])
    if gained <= 0.1 * abs(float(best[0])):  # nothing was learnt: another fault
        return
    slack = max(tolerance * gained, 2 * _jitter(losses))
    done = int(np.flatnonzero(best <= best[-1] + slack)[0])
    if done + 1 > useful * len(losses) or slack > 0.5 * gained:
        return
    step = int(evaluation.steps[done])
    rest = len(losses) - done - 1
    if losses[done] - best[-1] > 0.1 * abs(float(losses[done])):
        return  # little of what was gained, but much of what was left
    quick = training.steps < SHORT * len(losses)  # a pass of a few steps costs next to nothing
    idle = rest >= many and not quick and done + 1 <= useful * len(losses) * 2 / 3 and _drop_after(training, evaluation, step) < still
    yield Finding(
        message=f"{evaluation.name} loss was at {losses[done]:.4g} after {done + 1} of {len(losses)} passes "
        f"(step {step}), the other "
        f"{rest} took off {max(float(losses[done] - best[-1]), 0.0):.2g}",
        places=(evaluation.id,),
        evidence=(
            Evidence(
                "useful_passes",
                evaluation.id,
                None,
                (done + 1) / len(losses),
                "within",
                (0.0, useful),
                statistic="share",
            ),
        ),
        severity="warning" if idle else "note",
        confidence=0.7 if idle else 0.6,
        steps=(step, int(evaluation.steps[-1])),
        fix=Fix(
            f"stop after {max(3, round(0.1 * len(losses)))} passes without improvement: about step {step} was enough",
            f"if epochs_since_best >= {max(3, round(0.1 * len(losses)))}:\n    break",
        ),
        source=evaluation.site.source,
    )


def _drop_after(training: Training, evaluation: EvaluationSet, step: int) -> float:
    """By how much of its level the training loss fell after a step: first against last fifth of what follows."""
    alike = (site for site in training.training_losses if site.function == evaluation.site.function)
    site = next(alike, None)
    series = (training.series("training_loss", site.id) if site else training.series("loss")).finite()
    after = series.values[series.steps > step]
    if len(after) < 20:
        return float("inf")
    first, last = float(np.median(after[: len(after) // 5])), float(np.median(after[-(len(after) // 5) :]))
    return (first - last) / abs(first) if first else 0.0


def _jitter(losses: Floats) -> float:
    """Standard deviation of the noise in the later half, from successive differences."""
    later = losses[len(losses) // 2 :]
    return float(1.4826 * np.median(np.abs(np.diff(later))) / np.sqrt(2)) if len(later) > 2 else 0.0
