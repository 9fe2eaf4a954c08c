from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.fed import one_number
from diagnose.rules.progress import fastest, stuck, unstable, update_ratios
from diagnose.run import Training


@rule(
    needs=("softmax_entropy",),
    symptoms=(
        "loss-not-decreasing",
        "underfitting",
        "diverging-loss",
        "oscillating-loss",
        "vanishing-gradients",
        "wasted-epochs",
    ),
)
def attention_collapse(
    training: Training, *, low: float = 0.05, even: float = 0.995, still: float = 6.5e-4, min_snapshots: int = 3, min_width: int = 4
) -> Iterator[Finding]:
    """Attention looks at one place alone, or at all alike, whatever the input.

    What it does:
        Takes the entropy of each attention's weights relative to that of an even look at all places that the mask
        leaves, and speaks when it is under `low` (one place), or over `even` to the end of the training (all alike; not
        where no weight changes by `still` of its norm a step: it begins so), while the loss is stuck or unstable.

    Why is this bad:
        A softmax that is all on one place passes no gradient to the scores; one that is even mixes all places into
        their mean. Either way the layer has stopped choosing.

    Fix:
        Where it sees one place: scale the scores by 1/√d, normalise queries and keys, lower the learning rate, add a
        warm-up, or normalise before each block instead of after. Where all places look alike: a residual connection
        around each attention, which keeps them apart.

    Known problems:
        Where all inputs are one number, all places are alike: that is `constant-output`. Attention with flash kernels is not seen.
        A head that settles on one place in a healthy training is no fault.

    Example:
        `diagnose run demos/transformer.py --problem attention-collapse`

    References:
        Zhai et al. 2023, Stabilizing transformer training by preventing attention entropy collapse,
        https://arxiv.org/abs/2303.06296; Dong et al. 2021, https://arxiv.org/abs/2103.03404. A twentieth of the even
        entropy leaves about one place with all the weight. 6.5e-4: as in learning-rate-too-low.
    """
    suffering = unstable(training) or stuck(training)
    if suffering is None or one_number(training) is not None:  # places that are all the same are looked at alike
        return
    outputs = {site.layer for site in training.losses}
    moves = fastest(update_ratios(training))
    as_drawn = moves is not None and moves[1] < still
    for place in training.places("softmax_entropy"):
        layer = training.layer(place.split("#", 1)[0])
        series = training.series("softmax_entropy", place).finite()
        if (
            layer is None
            or layer.path in outputs
            or len(series) < min_snapshots
            or not _attends(layer.shape, min_width)
        ):
            continue
        late = float(np.median(series.values[-max(min_snapshots, len(series) // 3) :]))
        if not (late < low or (late > even and not as_drawn)):
            continue
        collapsed = late < low
        yield Finding(
            message=f"the attention of {place} has {late:.2g} of the entropy of an even look, "
            + (
                f"limit {low:g}: it sees one place alone"
                if collapsed
                else f"limit {even:g}: it looks at all places alike"
            ),
            places=(place,),
            evidence=(
                Evidence(
                    "softmax_entropy",
                    place,
                    series.span,
                    late,
                    "below" if collapsed else "above",
                    low if collapsed else even,
                    "share",
                ),
                suffering,
            ),
            confidence=0.75,
            steps=series.span,
            fix=Fix(
                "divide the scores by the root of the key's width and lower the learning rate, with a warm-up",
                "scores = q @ k.transpose(-2, -1) / k.size(-1) ** 0.5",
            )
            if collapsed
            else Fix("keep the residual connection around the attention, without which all places become alike; else a warm-up",
                     "x = x + attention(norm(x))"),
            source=layer.source,
        )


def _attends(shape: tuple[int, ...] | None, width: int) -> bool:
    """Whether a softmax's output looks like attention weights: (batch, …, queries, keys)."""
    return shape is not None and len(shape) >= 3 and shape[-1] >= width
