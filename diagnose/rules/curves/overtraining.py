from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.run import Training


@rule(needs=("evaluations",), symptoms=("wasted-epochs",))
def overtraining(
    training: Training,
    *,
    rise: float = 1.1,
    material: float = 0.03,
    noise: float = 3.0,
    early: float = 0.5,
    min_passes: int = 8,
) -> Iterator[Finding]:
    """The validation loss was at its best long before the end.

    What it does:
        Speaks when the best pass over a held-out set lies in the first `early` part of the training and the loss has
        since risen to `rise` times the best, by at least `material` of what a constant prediction loses, and beyond
        `noise` times its jitter, whatever the training loss does.

    Why is this bad:
        Everything after the best pass made the network worse, and cost time.

    Fix:
        Stop when the validation loss has not improved for some passes, and go back to the best weights.

    Known problems:
        Large networks may improve again much later (double descent).

    Example:
        350 epochs of a network that was best after 30

    References:
        Prechelt 1998, Early Stopping - But When?, https://doi.org/10.1007/3-540-49430-8_3; 1.1 as in overfitting.
    """
    for evaluation in trend.held_out(training, passes=min_passes):
        steps, losses = trend.finite_passes(evaluation)
        smooth = np.convolve(np.pad(losses, 1, mode="edge"), np.ones(3) / 3, mode="valid")
        best = int(np.argmin(smooth))
        lowest = float(smooth[best])
        level = min(float(losses[-1]), float(np.median(losses[-3:])))
        scale = trend.reference(training, evaluation.site, float(losses[0]))
        if lowest <= 0 or best + 1 > early * len(losses) or best == 0:
            continue
        if level < rise * lowest or level - lowest < max(material * scale, noise * trend.pass_noise(losses)):
            continue
        if trend.kendall(losses[best:]) < 2.33:
            continue
        first = int(steps[best])
        yield Finding(
            message=f"{evaluation.name} loss was best at step {first}, pass {best + 1} of {len(losses)} ({lowest:.3g}) "
            f"and ended at {level:.3g}, {level / lowest:.2f} times that",
            places=(evaluation.id,),
            evidence=(
                Evidence(
                    "evaluation_loss",
                    evaluation.id,
                    (first, int(steps[-1])),
                    level / lowest,
                    "above",
                    rise,
                    "ratio",
                    "last passes / best",
                ),
            ),
            severity="warning",
            confidence=0.8,
            steps=(first, int(steps[-1])),
            fix=Fix(
                f"end the training near step {first}, or keep the weights of that pass",
                "if val_loss < best:\n    best, state = val_loss, copy.deepcopy(model.state_dict())",
            ),
            source=evaluation.site.source,
        )
        return
