from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.rules.signs import chance_loss, per_sample, site_loss
from diagnose.run import Training

# Units or channels of a hidden layer that may be too few whatever the data hold. 34 sound programs of tests/challenges have such a
# layer too (gates, scores of attention, one of several heads), of which those with a known constant end at 0.77 of its loss at the
# most, below `left`; the one that a single filter holds up, at 0.81. A close call: hence the confidence.
NARROW = 2
JUDGED = (
    "classification",
    "binary-classification",
    "multi-label",
    "segmentation",
    "regression",
    "language",
    "autoencoder",
)


@rule(needs=("losses",), symptoms=("wasted-epochs",))
def underfitting(
    training: Training, *, left: float = 0.8, still: float = 0.02, min_epochs: int = 5, min_steps: int = 100
) -> Iterator[Finding]:
    """The network has stopped learning and explains little of its own training data.

    What it does:
        Compares the training loss over the last fifth with that of the best constant prediction. Speaks when `left` of
        it or more remains, after at least `min_epochs` epochs or evaluations, while the loss no longer falls (less
        than `still` of the constant's loss over the last third, no trend) and has learnt something before. Where a held-out
        loss came down beyond doubt the data may hold no more: then only where a hidden layer has one or two units.

    Why is this bad:
        A network that does not fit what it has seen cannot do better on what it has not.

    Fix:
        A larger or better suited network, better inputs, less regularisation, a higher learning rate.

    Known problems:
        Data that hold little information (prices, coin flips) have such a level by nature; hence the confidence, and the
        silence where what little there is was learnt: sound programs end at 0.82 to 0.90.

    Example:
        A straight line through the two classes of a circle

    References:
        Goodfellow, Bengio & Courville 2016, Deep Learning, section 5.2; a fifth of the constant's loss is what every
        sound program of tests/challenges with a known constant takes off (the least: 0.27).
    """
    if training.kind not in JUDGED or training.steps < min_steps:
        return
    looks = max([len(training.epochs), *(len(e) for e in training.evaluations)])
    if looks < min_epochs:
        return
    for site in training.training_losses:
        chance = chance_loss(training, site)
        series = site_loss(training, site).finite()
        if not chance > 0 or len(series) < 30 or (site.weight not in (None, 1.0) and len(training.training_losses) > 1):
            continue
        level = per_sample(training, site, float(np.mean(series.values[-max(5, len(series) // 5) :])))
        start = per_sample(training, site, float(np.mean(series.values[: max(3, len(series) // 50)])))
        share = level / chance
        last = trend.blocks(series.values[-(len(series) // 3) :], 9)
        fell = per_sample(training, site, float(last[:3].mean() - last[-3:].mean()))
        falls = fell > still * chance or trend.kendall(last) < -2.33
        if share < left or share > 1.5 or falls or not start - level > 0.05 * chance:
            continue
        if trend.generalises(training, 0.99 * chance) and not _narrow(training):
            continue
        yield Finding(
            message=f"loss at {site.id} stands at {level:.3g}, {share:.0%} of what always answering the same reaches",
            places=(site.id,),
            evidence=(
                Evidence(
                    "training_loss",
                    site.id,
                    (int(series.steps[-len(series) // 3]), int(series.steps[-1])),
                    share,
                    "above",
                    left,
                    "share",
                    "mean / loss of the best constant",
                ),
            ),
            severity="warning",
            confidence=0.6,
            steps=(int(series.steps[0]), int(series.steps[-1])),
            fix=Fix(
                "use a larger or better suited network, check what the inputs tell of the targets, or regularise less"
            ),
            source=site.source,
        )
        return


def _narrow(training: Training) -> bool:
    """Whether a hidden layer lets next to nothing through."""
    widths = [
        width
        for layer in training.layers
        for name in ("out_features", "out_channels", "hidden_size")
        if isinstance(width := layer.settings.get(name), int)
    ]
    return any(width <= NARROW for width in widths[:-1])  # the last is as wide as the answer
