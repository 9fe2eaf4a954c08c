from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import stuck, unstable
from diagnose.rules.reach import reaches
from diagnose.run import Training

ORDINARY = 20  # norms that show what is usual in a run; with fewer the fix proposes 1, as most recipes do


@rule(
    needs=("output_gradient_norm",),
    symptoms=(
        "non-finite-values", "diverging-loss", "oscillating-loss", "loss-spikes",
        "loss-not-decreasing", "underfitting",
    ),
)  # fmt: skip
def exploding_through_time(
    training: Training, *, ratio: float = 1e3, min_length: int = 8, min_snapshots: int = 2
) -> Iterator[Finding]:
    """The gradient grows with each step back in time.

    What it does:
        Takes the gradient of a recurrent layer's last output with respect to its input at each time (or, for a layer
        that the program calls again and again, of the loss with respect to its outputs), relative to the newest, and
        speaks when it is above `ratio` over the first quarter of the sequence in some snapshots (in one, where the loss
        became non-finite, after which nothing can be measured), and the loss is unstable or stuck.

    Why is this bad:
        One long sequence then throws the weights far away: the loss jumps or becomes nan.

    Fix:
        Clip the gradient norm, start the recurrent weights orthogonal, use gates, or truncate the sequence.

    Known problems:
        A network near the edge of stability reaches far back on purpose; without a suffering loss nothing is said.

    Example:
        `diagnose run demos/recurrent.py --problem exploding-through-time`

    References:
        Pascanu et al. 2013, https://arxiv.org/abs/1211.5063
    """
    suffering = unstable(training) or stuck(training)
    if suffering is None:
        return
    losses = training.series("loss").values
    least = 1 if len(losses) and not np.isfinite(losses[-1]) else min_snapshots
    for reach in reaches(training, min_length=min_length):
        far = reach.early.max(axis=1)
        over = far > ratio
        if over.sum() < least:
            continue
        place, layer = reach.place, reach.layer
        value = float(np.median(far[over]))
        first, last = int(reach.steps[int(np.argmax(over))]), int(reach.steps[-1])
        norms = training.series("clip_norm").finite()
        if not len(norms):
            norms = training.series("gradient_norm", next(iter(training.weights("gradient_norm")), None)).finite()
        limit = float(f"{np.quantile(norms.values, 0.9):.2g}") if len(norms) >= ORDINARY else 1.0
        yield Finding(
            message=f"the gradient of the last output of {place} with respect to its first inputs is "
            f"{value:.1e} times that of "
            f"the newest, limit {ratio:g}",
            places=(place,),
            evidence=(
                Evidence(reach.quantity, place, (first, last), value, "above", ratio, "ratio"),
                suffering,
            ),
            confidence=0.8,
            steps=(first, last),
            fix=Fix(
                f"clip the gradient norm at {limit:g} and start the recurrent weights orthogonal",
                f"torch.nn.utils.clip_grad_norm_(model.parameters(), {limit:g})",
            ),
            source=layer.source if layer else None,
        )
