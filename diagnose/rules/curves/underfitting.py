from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, trend
from diagnose.rules.signs import chance_loss, per_sample, site_loss
from diagnose.run import LossSite, Training

WEIGHTED = ("linear", "convolution", "recurrent", "embedding", "attention")
MOST = 16  # narrow layers that are looked at: each takes a walk through the whole network
WIDTHS = ("out_features", "out_channels", "hidden_size")
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
    training: Training, *, left: float = 0.8, held_up: float = 0.5, units: int = 3, still: float = 0.02, min_epochs: int = 5,
    min_steps: int = 100,
) -> Iterator[Finding]:
    """The network has stopped learning and explains little of its own training data.

    What it does:
        Compares the training loss over the last fifth with that of the best constant prediction. Speaks when `left` of
        it or more remains, after at least `min_epochs` epochs or evaluations, while the loss no longer falls (less
        than `still` of the constant's loss over the last third, no trend) and has learnt something before. Where a held-out
        loss came down beyond doubt the data may hold no more: then only where all goes through a hidden layer of `units` units or
        fewer; of such a network `held_up` is enough.

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
        sound program of tests/challenges with a known constant takes off (the least: 0.27). 3, 0.5: faulty programs with hidden
        layers of 1, 2 and 3 units ended at 0.81, 0.60 and 0.67; of the sound ones the one with 2 units ended at 0.31, two with 4
        at 0.32 and 0.43. A close call: hence the confidence.
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
        if share < held_up or share > 1.5 or falls or not start - level > 0.05 * chance:
            continue
        narrow = None if training.kind == "autoencoder" else _narrow(training, site, units)  # a code is narrow on purpose
        limit = left if narrow is None else held_up
        if share < limit:
            continue
        if trend.generalises(training, 0.99 * chance) and narrow is None:
            continue
        yield Finding(
            message=f"loss at {site.id} stands at {level:.3g}, {share:.0%} of what always answering the same reaches"
            + ("" if narrow is None else f"; all that is told of a sample goes through {narrow[1]} of {narrow[0]}"),
            places=(site.id,),
            evidence=(
                Evidence(
                    "training_loss",
                    site.id,
                    (int(series.steps[-len(series) // 3]), int(series.steps[-1])),
                    share,
                    "above",
                    limit,
                    "share",
                    "mean / loss of the best constant",
                ),
            ),
            severity="warning",
            confidence=0.6,
            steps=(int(series.steps[0]), int(series.steps[-1])),
            fix=Fix(
                "use a larger or better suited network, check what the inputs tell of the targets, or regularise less"
                if narrow is None
                else f"make {narrow[0]} wider"
            ),
            source=site.source,
        )
        return


def _narrow(training: Training, site: LossSite, units: int) -> tuple[str, str] | None:
    """A hidden layer that lets next to nothing through, and its width: one that all ways from the input to the loss pass, on to
    another with weights."""
    widths = {
        layer.path: width
        for layer in training.layers
        if layer.role in WEIGHTED
        and (width := next((layer.settings[name] for name in WIDTHS if isinstance(layer.settings.get(name), int)), None)) is not None
    }
    narrow = [(path, width) for path, width in widths.items() if width <= units]
    if not narrow:
        return None
    after: dict[str, set[str]] = {}
    for edge in training.edges:
        after.setdefault(edge.source, set()).add(edge.target)
    for path, width in narrow[:MOST]:
        if _reached(after, path) & (widths.keys() - {path}) and site.id not in _reached(after, "input", without=path):
            return path, f"{width} unit{'s' if width > 1 else ''}"
    return None


def _reached(after: Mapping[str, set[str]], start: str, without: str = "") -> set[str]:
    """Every place that data from `start` come to, though not through `without`."""
    waiting, seen = [start], {without}
    while waiting:
        found = after.get(waiting.pop(), set()) - seen
        seen |= found
        waiting += found
    return seen
