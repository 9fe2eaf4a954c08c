from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import jitter, rolling_median, stuck
from diagnose.run import Series, Training

WAITING = "ReduceLROnPlateau"  # lowers the rate because nothing is learnt: not the reason for it


@rule(
    needs=("learning_rate", "loss"),
    symptoms=("loss-not-decreasing", "underfitting", "learning-rate-too-low", "wasted-epochs", "stopped-too-early"),
)
def schedule_collapsed(
    training: Training, *, share: float = 0.01, before: float = 0.8, early: float = 0.5, min_steps: int = 50
) -> Iterator[Finding]:
    """The schedule took the learning rate to almost nothing long before the end.

    What it does:
        Finds the step after which the learning rate stays under `share` of its peak; speaks when that is before the
        fraction `before` of the training, the loss was falling up to there beyond its noise, and hardly falls after;
        or when it is before the fraction `early` and the loss learns next to nothing at all.

    Why is this bad:
        The rest of the training is spent without learning.

    Fix:
        Stretch the schedule to the length of the training: step it once an epoch instead of once a batch, or give it
        the true number of steps.

    Known problems:
        A schedule that lowers the rate because the loss has settled is right, and is not reported.

    Example:
        A StepLR(step_size=1, gamma=0.9) that is stepped after every batch.

    References:
        gradsnitch's rule GS010; torch.optim, "How to adjust learning rate",
        https://docs.pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate
    """
    rates, loss = training.series("learning_rate").finite(), training.series("loss").finite()
    if len(rates) < min_steps or len(loss) < min_steps or training.kind in ("gan", "reinforcement"):
        return
    peak = float(rates.values.max())
    low = rates.values < share * peak
    if not peak > 0 or not low[-1]:
        return
    first = len(low) - int(np.argmin(low[::-1]))
    step = int(rates.steps[first]) if first < len(low) else int(rates.steps[0])
    at = (step - int(rates.steps[0])) / max(int(rates.steps[-1] - rates.steps[0]), 1)
    if at >= before or at <= 0:
        return
    scheduler = training.facts.get("scheduler") or {}
    name = str(scheduler.get("class", "the schedule")) if isinstance(scheduler, dict) else "the schedule"
    suffering = _cut_off(loss, step)
    shown = suffering or (stuck(training) if at < early and name != WAITING else None)
    if shown is None:
        return
    value = float(rates.values[-1] / peak)
    optimizer = next(iter(training.optimizers), None)
    yield Finding(
        message=f"{name} took the learning rate under {share:.0%} of its peak {peak:g} at step {step}, after "
        f"{at:.0%} of the "
        f"training, {'while the loss was still falling' if suffering else 'before anything was learnt'}",
        places=(name,),
        evidence=(
            Evidence(
                "learning_rate", None, (step, int(rates.steps[-1])), value, "below", share, "share of peak", "last"
            ),
            shown,
        ),
        severity="warning" if suffering else "error",
        confidence=0.75,
        steps=(step, int(rates.steps[-1])),
        fix=Fix(
            f"let the schedule last {training.steps} steps; if it is stepped after each batch, step it once an epoch",
            "for epoch in range(epochs):\n    train_one_epoch()\n    scheduler.step()",
        ),
        source=optimizer.source if optimizer else None,
    )


def _cut_off(loss: Series, step: int) -> Evidence | None:
    """The loss was falling beyond its noise up to the step, and hardly falls after it."""
    cut = int(np.searchsorted(loss.steps, step))
    width = max(5, cut // 20)  # short: its middle must lie near the cut
    if cut < 10 or len(loss) - cut < 10:
        return None
    smooth = rolling_median(loss.values[:cut], width)
    after = float(np.median(loss.values[-max(5, (len(loss) - cut) // 5) :]))
    # the rate falls on the way to the cut already: what the loss still gained in the last half of it was going on
    going = float(np.median(loss.values[cut // 2 : cut // 2 + width]) - smooth[-1])
    gained = float(smooth[-1]) - after
    noise = jitter(loss.values) / width**0.5
    falling = float(smooth[0] - smooth[-1])
    if falling <= 6 * noise or going <= max(0.02 * falling, 2 * noise) or gained > 0.05 * falling:
        return None
    span = (step, int(loss.steps[-1]))
    return Evidence("loss", None, span, gained, "below", 0.05 * falling + 1e-12, "loss", "fall")
