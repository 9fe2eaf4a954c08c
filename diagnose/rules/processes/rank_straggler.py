from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Training


@rule(needs=("ranks", "rank_lag"))
def rank_straggler(
    training: Training, *, share: float = 0.1, often: float = 0.75, seconds: float = 1.0, min_steps: int = 20
) -> Iterator[Finding]:
    """One process is slow, and all others wait for it at every step.

    What it does:
        Compares how long each rank works (waits for data, runs the forward pass) before the gradients are exchanged. A
        rank that takes longer than the middle one of the others by more than `share` of the step, in the middle and in at
        least `often` of the steps, and by `seconds` in all, is reported.

    Why is this bad:
        The ranks meet at every step: each is as slow as the slowest.

    Fix:
        Look at what only this rank does: logging, checkpoints, evaluation, more or longer samples, a slower disk or
        processor, one that others use too.

    Known problems:
        A GPU works on while its process goes ahead: of a slow GPU only what makes its process wait is seen (data, `.item()`
        in the forward pass). Time lost within the backward or the optimizer's step is not told from waiting.

    Example:
        `if rank == 0: images.append(render(model))` inside the training loop

    References:
        Lin et al. 2025, Understanding Stragglers in Large Model Training Using What-if Analysis: a job counts as
        straggling from a slowdown of 1.1 on, https://arxiv.org/abs/2505.05713. `often`: measured with gloo on 2 ranks
        of a busy machine, a healthy rank lags that much in 0 to 54 % of the steps, one that sleeps 40 ms a step in 98 %.
    """
    wait = training.series("seconds")
    slowest: tuple[float, str, float, float] | None = None
    for place in training.places("rank_lag"):
        lag = training.series("rank_lag", place).finite()
        if len(lag) < min_steps:
            continue
        middle = float(np.median(lag.values))
        if middle <= share or float((lag.values > share).mean()) < often:
            continue
        at = np.searchsorted(wait.steps, lag.steps)
        known = (at < len(wait)) & (wait.steps[np.minimum(at, max(len(wait) - 1, 0))] == lag.steps) if len(wait) else lag.steps < 0
        lost = float(np.nansum(lag.values[known] * wait.values[at[known]]))
        if lost > seconds and (slowest is None or middle > slowest[0]):
            slowest = middle, place, lost, float((lag.values > share).mean())
    if slowest is None:
        return
    middle, place, lost, times = slowest
    yield Finding(
        message=f"{place} works {middle:.0%} of a step longer than the others in {times:.0%} of the steps (limit {share:.0%}): "
        f"they have waited {lost:.1f} s for it",
        places=(place,),
        evidence=(
            Evidence("rank_lag", place, training.series("rank_lag", place).span, middle, "above", share, "share of a step"),
        ),
        severity="warning",
        confidence=0.85,
        steps=signs.span(training),
        fix=Fix(f"look at what only {place} does before its backward: logging, evaluation, longer samples, slower data"),
    )  # fmt: skip
