from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import Series, Training


@rule(
    needs=("uncleared",),
    symptoms=(
        "exploding-gradients", "diverging-loss", "oscillating-loss", "loss-not-decreasing", "loss-spikes",
        "learning-rate-too-high", "non-finite-values", "underfitting", "dead-units", "saturated-activations",
        "constant-output", "overtraining", "clipping-too-hard",
    ),
)  # fmt: skip
def missing_zero_grad(training: Training, *, share: float = 0.5, min_steps: int = 5) -> Iterator[Finding]:
    """Gradients are not cleared after a step, so that they pile up.

    What it does:
        Counts the steps at whose first backward the gradients of the step before were still there, and speaks when
        they are more than `share` of all, and of the first ones.

    Why is this bad:
        backward() adds to what is there. Each step then follows the sum of all gradients since the beginning, most of
        them from weights long left behind: it overshoots more and more.

    Fix:
        `optimizer.zero_grad()` once for every `optimizer.step()`, before its first backward or after the step.

    Known problems:
        Accumulation over several batches is no fault and not counted: there the gradients are cleared after the step.

    Example:
        `diagnose run tests/challenges/pt-zero-grad/faulty.py`

    References:
        torch.optim.Optimizer.zero_grad, https://docs.pytorch.org/docs/stable/generated/torch.optim.Optimizer.zero_grad.html.
        The value is 0 or 1 at each step; one program in two steps leaves no doubt of intent.
    """
    series = training.series("uncleared").measured()
    stepping = training.series("optimizer").measured()
    for index, optimizer in enumerate(training.optimizers or (None,)):
        mine = _of(series, stepping, index if optimizer is None else optimizer.index)
        if len(training.optimizers) <= 1:
            mine = series
        mine = Series(mine.quantity, None, mine.steps[1:], mine.values[1:])  # nothing to clear before the first step
        if len(mine) < min_steps or (optimizer is not None and optimizer.type == "LBFGS"):
            continue
        found, at_first = (float((values > 0.5).mean()) for values in (mine.values, mine.values[: 2 * min_steps]))
        if not (found > share and at_first > share):
            continue
        first = int(mine.steps[int(np.argmax(mine.values > 0.5))])
        name = optimizer.type if optimizer is not None else "the optimizer"
        yield Finding(
            message=f"gradients of {name} were not cleared before {found:.0%} of its {len(mine)} steps, limit "
            f"{share:.0%}",
            places=(name,),
            evidence=(Evidence("uncleared", None, mine.span, found, "above", share, "share", "mean"),),
            confidence=0.97,
            steps=(first, int(mine.steps[-1])),
            fix=Fix("clear the gradients before each backward that begins a step", "optimizer.zero_grad()"),
            source=optimizer.source if optimizer is not None else None,
        )


def _of(series: Series, stepping: Series, index: int) -> Series:
    if not len(stepping):
        return series
    mine = stepping.steps[stepping.values == index]
    keep = np.isin(series.steps, mine)
    return Series(series.quantity, None, series.steps[keep], series.values[keep])
