from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import LossSite, Training

INTENDED = ("gan", "reinforcement", "contrastive", "language")
COMPOSED = ("div", "cat", "mul", "bmm", "stack", "logsumexp")  # scores against others: label 0 is "the first one"


@rule(
    needs=("losses",),
    symptoms=(
        "unused-parameters", "class-imbalance",
        "constant-output",
        "underfitting",
        "vanishing-gradients",
        "suspicious-validation",
        "loss-not-decreasing",
        "wasted-epochs",
        "overtraining",
        "dead-units",
        "saturated-activations",
        "unshuffled-data",
        "train-validation-leakage",
        "input-ignored",
    ),
)
def constant_labels(training: Training, *, share: float = 0.99, min_labels: int = 200, pixel_snapshots: int = 20) -> Iterator[Finding]:
    """All labels are the same.

    What it does:
        Counts the labels of each trained loss over all snapshots, at least `min_labels`. One class alone is an error,
        and so is a class with more than `share` of the labels where the network has outputs for three or more. For
        quantities: targets that never differ within a batch nor between batches.

    Why is this bad:
        The network learns to give that one answer, with a loss near zero and an accuracy near one, whatever its input.
        It usually comes from a label column that was cast to an integer after scaling, or from the wrong column.

    Fix:
        Print `torch.unique(y, return_counts=True)` before training and follow the labels back to where they collapse.

    Known problems:
        Losses in which the right answer is always the first (contrastive losses), adversarial losses and words are left
        out, and pixels unless there is not one other class in `pixel_snapshots`: a rare object would show in one of
        them. A rare positive class of two is class-imbalance.

    Example:
        `y = (labels / labels.max()).astype(int)`

    References:
        0.99 with three or more outputs: a table of that imbalance has fewer than one sample in a hundred for all
        other classes together. 200 labels: at 99 % a balanced set of three would show so few others with p < 1e-90.
    """
    if training.kind in INTENDED:
        return
    sites = training.training_losses
    for site in sites:
        if site.function in signs.CATEGORICAL + signs.BINARY and not set(COMPOSED) & set(site.operations[:1]):
            others = any(o is not site and o.function == site.function for o in sites)
            counted = len(training.series("class_count", site.id).finite())
            if training.kind != "segmentation" or counted >= pixel_snapshots:
                limit = 1.0 if training.kind == "segmentation" else share  # nearly all pixels may be background
                yield from _classes(training, site, limit, min_labels, others)
        elif site.function in signs.REGRESSION and len(sites) == 1:
            yield from _quantities(training, site)


def _classes(training: Training, site: LossSite, limit: float, least: int, others: bool) -> Iterator[Finding]:
    shares, seen = signs.class_shares(training, site), signs.labels_seen(training, site)
    if not len(shares) or seen < least:
        return
    top, only = int(shares.argmax()), float(shares.max()) == 1.0
    width = signs.classes(site) or 2
    if width < 2 or (only and others and site.function in signs.BINARY):
        return  # real against fake: each has its own loss and its own label
    if not only and not (shares.max() > limit and width > 2):
        return
    place = signs.where(site)
    counts = training.series("class_count", site.id)
    seen_share = Evidence(
        "class_count",
        site.id,
        counts.span,
        float(shares.max()),
        "above",
        min(limit, 0.9999),
        statistic="share of the commonest",
    )
    rest = "all" if only else f"{shares.max():.1%} of"
    yield Finding(
        message=f"{rest} {seen} labels counted at {place} are {top}, though it tells {width} classes apart",
        places=(place,),
        evidence=(seen_share,),
        severity="error",
        confidence=0.95 if only else 0.85,
        steps=signs.span(training),
        fix=Fix(
            f"follow the labels back to where they became {top}: a cast to integer after a division, or the "
            "wrong column",
            "print(torch.unique(y, return_counts=True))",
        ),
        source=site.source,
    )


def _quantities(training: Training, site: LossSite) -> Iterator[Finding]:
    spread = training.series("loss_target_std", site.id).finite()
    means = training.series("loss_target_mean", site.id).finite()
    if len(spread) < 5 or len(means) < 5 or not site.target_shape or np.prod(site.target_shape) < 2:
        return
    value = float(means.values[0])
    if spread.values.max() > 1e-6 * max(abs(value), 1e-30) or np.ptp(means.values) > 1e-6 * abs(value):
        return
    if value in (0.0, 1.0):
        return  # a residual that should vanish, or a score that should be one
    place = signs.where(site)
    limit = 1e-6 * abs(value)
    yield Finding(
        message=f"every target at {place} is {value:.4g}, in {len(means)} of {len(means)} snapshots",
        places=(place,),
        evidence=(
            Evidence(
                "loss_target_std",
                site.id,
                spread.span,
                float(spread.values.max()),
                "within",
                (0.0, limit),
                statistic="max",
            ),
        ),
        severity="error",
        confidence=0.85,
        steps=signs.span(training),
        fix=Fix("follow the targets back to where they became equal", "print(y.min(), y.max(), y.std())"),
        source=site.source,
    )
