from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Training


@rule(needs=("evaluations", "evaluation_seconds", "seconds"), symptoms=())
def repeated_evaluation(
    training: Training,
    *,
    share: float = 0.5,
    share_within_epochs: float = 0.3,
    passes: int = 20,
    seconds: float = 1.0,
    often: float = 5.0,
    larger: float = 2.0,
) -> Iterator[Finding]:
    """Most of the time goes into evaluating over and over.

    What it does:
        Adds up the time in evaluations, more than `seconds`, in at least `passes` passes of one set. It is a warning
        where a pass comes every `often` steps or more often, or several times an epoch, and they take more than
        `share_within_epochs` of all time; else a note from `share` on. Sets at most `larger` times as large as what a step trains on, and
        trainings that are made of evaluations (evolution strategies), are left out.

    Why is this bad:
        The network hardly changes within a few steps: the same figures are computed again while training waits.

    Fix:
        Evaluate once an epoch, or every hundred steps, or on a part of the validation data.

    Known problems:
        A pass is timed from what the program compared or stepped before it: what else it does in between counts.

    Example:
        `validate(model)` inside the loop over batches

    References:
        Google Research, Deep Learning Tuning Playbook, "Choosing the evaluation frequency",
        https://github.com/google-research/tuning_playbook. 2: a graph or a small table is trained on whole, so that evaluating each
        epoch is evaluating each step.
    """
    spent = training.series("evaluation_seconds").finite().values
    total = training.series("seconds").finite().values
    whole = float(total[1:].sum())  # the first step holds what starting takes
    part = float(spent.sum()) / whole if whole > 0 else 0.0
    most = max(training.evaluations, key=len, default=None)
    if most is None or float(spent.sum()) <= seconds or len(most) < passes:
        return
    if not training.training_losses or float(np.median(most.samples)) <= larger * signs.typical(training, "samples"):
        return
    interval = training.steps / len(most)
    epochs = len(training.epochs)
    frequent = interval <= often if not epochs else len(most) > 1.5 * epochs
    share = share_within_epochs if frequent else share
    if part <= share:
        return
    series = training.series("evaluation_seconds")
    yield Finding(
        message=f"{part:.0%} of the time ({float(spent.sum()):.1f} s) went into {len(most)} evaluations of "
        f"{most.name}, one every "
        f"{interval:.0f} steps",
        places=(most.id,),
        evidence=(
            Evidence("evaluation_seconds", None, series.span, part, "above", share, statistic="share of all seconds"),
        ),
        severity="warning" if frequent and np.isfinite(part) else "note",
        confidence=0.8 if frequent else 0.5,
        steps=(int(most.steps[0]), int(most.steps[-1])),
        fix=Fix(
            f"evaluate every {max(round(interval * part / (1 - part + 1e-9) * 9), 2):.0f} steps: a tenth of the time",
            f"if step % {max(round(interval * part / (1 - part + 1e-9) * 9), 2):.0f} == 0:",
        ),
        source=most.site.source,
    )
