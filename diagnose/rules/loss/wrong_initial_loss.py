from __future__ import annotations

from collections.abc import Iterator
from math import log

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import LossSite, Training


@rule(needs=("losses",), symptoms=())
def wrong_initial_loss(
    training: Training, *, ratio: float = 3.0, lasting_share: float = 0.05, min_steps: int = 10
) -> Iterator[Finding]:
    """The first loss is far above that of a guess.

    What it does:
        Compares the loss of the first step with ln K for K classes (ln 2 for yes or no). More than `ratio` times that
        is noted; it is a warning where the loss needs more than `lasting_share` of all steps to come down to a guess.

    Why is this bad:
        The network begins sure of random answers: its outputs are too large. The first steps only shrink them, with
        large gradients that can throw off the rest.

    Fix:
        Scale the last layer's initial weights down, or the inputs, which is the usual reason.

    Known problems:
        Class weights, label smoothing and auxiliary terms move the level: sites with `weight` or smoothing are left
        out. Fine-tuning begins below ln K, which is not reported.

    Example:
        `nn.init.normal_(model.fc.weight, std=1.0)` before 784 pixels of 0..255

    References:
        Karpathy 2019, A Recipe for Training Neural Networks, "verify loss @ init",
        http://karpathy.github.io/2019/04/25/recipe/. 3: 64 of 66 sound
        programs began at 0.9 to 1.3 ln K (two deep ones at 1.8 and 7.5), an oversized last layer at 58, raw columns at
        900.
    """
    for site in training.training_losses:
        guess = _guess(site)
        series = signs.site_loss(training, site).finite()
        if guess is None or not len(series) or series.steps[0] > 5:
            continue
        values = np.array([signs.per_sample(training, site, float(v)) for v in series.values])
        first = float(values[0])
        if first <= ratio * guess:
            continue
        below = np.flatnonzero(values <= guess)
        needed = int(series.steps[below[0]]) if len(below) else training.steps
        lasting = needed > lasting_share * training.steps
        place = signs.where(site)
        until = (
            f"it takes {needed} of {training.steps} steps to come down to it"
            if len(below)
            else "it never comes down to it"
        )
        yield Finding(
            message=f"the first loss at {place} is {first:.3g}, a guess would have {guess:.3g}: {until}",
            places=(place,),
            evidence=(
                Evidence(series.quantity, series.place, (0, needed), first, "above", ratio * guess, statistic="first"),
            ),
            severity="warning" if lasting else "note",
            confidence=0.6 if lasting else 0.4,
            steps=(0, needed),
            fix=Fix(
                f"make the initial outputs at {place} about {first / guess:.0f} times smaller: scale the "
                "inputs, or the last "
                f"layer's weights by {guess / first:.2g}",
                f"with torch.no_grad():\n    model.{place}.weight.mul_({guess / first:.2g})" if site.layer else None,
            ),
            source=site.source,
        )


def _guess(site: LossSite) -> float | None:
    """The loss of equal probabilities, None where the site's arguments move it."""
    if site.arguments.get("reduction", "mean") not in ("mean", "sum") or site.arguments.get("label_smoothing"):
        return None
    if site.arguments.get("weight") is not None or site.arguments.get("pos_weight") is not None:
        return None
    if site.function == "cross_entropy":
        count = signs.classes(site)
        return log(count) if count and count > 1 else None
    return log(2) if site.function in signs.BINARY else None
