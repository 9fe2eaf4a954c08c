from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import LossSite, Training

CUTTING = ("clamp", "clamp_min", "clamp_max", "hardtanh", "minimum", "maximum", "relu", "nan_to_num")
NEUTRAL = ("mul", "add", "sub", "rsub", "where", "native_batch_norm", "cudnn_batch_norm")
PICKING = ("index", "gather", "select", "slice", "unbind", "max", "masked_select")
LOGARITHMS = ("log", "log2", "log10")


@rule(
    needs=("losses",),
    symptoms=(
        "short-memory", "loss-not-decreasing",
        "underfitting",
        "dead-units",
        "oscillating-loss",
        "unused-parameters",
        "vanishing-gradients",
        "constant-output",
        "overfitting",
        "overtraining",
        "diverging-loss",
        "loss-spikes",
        "wrong-initial-loss",
        "exploding-gradients",
        "non-finite-values",
    ),
)
def unbounded_output_in_bce(training: Training, *, outside_share: float = 0.02, at_work: float = 0.5) -> Iterator[Finding]:
    """Binary cross entropy is given a number that is not a probability.

    What it does:
        Follows the input of each trained `binary_cross_entropy` back through clamping to what made it. Where that is a
        linear layer, a convolution or a batch norm instead of a sigmoid or softmax, and at least `outside_share` of the
        values lie outside [0, 1] or exactly on its ends, or more than `at_work` of the batches reach the ends of a cut
        inside of it, the output is unbounded. A loss written by hand that takes the logarithm of a linear layer's output is
        one too, where that was cut on the way or the loss became nan.

    Why is this bad:
        The logarithm of such a number is no log-likelihood. Cut to [0, 1], samples beyond the ends have no gradient
        and cost as much as torch's cap allows (100 each), however wrong they are; without cutting torch raises.

    Fix:
        Give the raw output to `binary_cross_entropy_with_logits`, which is also the numerically stable way.

    Known problems:
        A probability made by other means (a ratio, a cosine) is not judged. Clamping a sigmoid against log(0) is
        right and not reported.

    Example:
        `nn.BCELoss()(torch.clamp(nn.Linear(30, 1)(x), 0, 1), y)`

    References:
        torch.nn.BCELoss: input "between 0 and 1"; "our solution is that BCELoss clamps its log function outputs to be
        greater than or equal to -100". 0.02: a saturated sigmoid rounds to 0 or 1 for |x| > 17 only; a linear output
        cut to [0, 1] lay on its ends for 27 and 66 % of the samples in two programs. 0.5: a choice of our own; nothing but a cut makes
        the very same number twice.
    """
    for site in training.training_losses:
        if site.function == "binary_cross_entropy":
            yield from _judge(training, site, outside_share, at_work)
        elif site.function == "custom":
            yield from _by_hand(training, site)


def _judge(training: Training, site: LossSite, limit: float, at_work: float) -> Iterator[Finding]:
    cuts = [operation for operation in site.operations[:4] if operation in CUTTING]
    maker = next((operation for operation in site.operations if operation not in CUTTING + NEUTRAL), None)
    if maker not in signs.LINEAR:
        return
    outside = training.series("outside_unit_share", site.id).finite()
    share = float(outside.values.mean()) if len(outside) else float("nan")
    ends = _at_its_ends(training, site) if cuts else 0.0
    if share < limit and ends <= at_work:
        return
    place = signs.where(site)
    evidence = (signs.made_by(site, maker),)
    how = "without a sigmoid" + (f": the cut is at work in {ends:.0%} of the batches" if share < limit else "")
    if share >= limit:
        evidence = (
            Evidence("outside_unit_share", site.id, outside.span, share, "above", limit * (1 - 1e-9), statistic="mean"),
        )
        how = f"without a sigmoid: {share:.0%} of its values lie on or outside the ends of [0, 1]"
    cut = f" cut by {cuts[0]}" if cuts else ""
    yield Finding(
        message=f"binary cross entropy is given the linear output of {place}{cut} {how}",
        places=(place,),
        evidence=evidence,
        severity="error",
        confidence=0.95 if cuts else 0.85,
        steps=signs.span(training),
        fix=Fix(
            f"give the raw output of {place} to binary_cross_entropy_with_logits and remove "
            f"{'the ' + cuts[0] if cuts else 'any cutting'}",
            "loss = F.binary_cross_entropy_with_logits(output, target)",
        ),
        source=site.source,
    )


def _at_its_ends(training: Training, site: LossSite) -> float:
    """Share of batches whose largest or smallest number is the very same: a cut a little inside of 0 and 1 is at work there."""
    ends = ((training.series(f"loss_input_{end}", site.id).finite().values, pick) for end, pick in (("min", np.min), ("max", np.max)))
    return max((float(np.mean(values == pick(values))) for values, pick in ends if len(values) > 2), default=0.0)


def _by_hand(training: Training, site: LossSite) -> Iterator[Finding]:
    """A cross entropy written by hand, of scores that no sigmoid or softmax has made probabilities."""
    at = next((i for i, operation in enumerate(site.operations) if operation in LOGARITHMS), None)
    if at is None:
        return
    inner = site.operations[at + 1 :]
    maker = next((operation for operation in inner if operation not in CUTTING + NEUTRAL + PICKING), None)
    cut = next((operation for operation in inner[: inner.index(maker)] if operation in CUTTING), None) if maker else None
    lost = any(event.kind == "non-finite" for event in training.events)
    if maker not in signs.LINEAR or not (cut or lost):
        return
    how = f"cut by {cut}" if cut else "whose sign is free"
    yield Finding(
        message=f"the loss at {site.id} takes the logarithm of a linear layer's output {how}, no probability of 0 to 1",
        places=(site.id,),
        evidence=(signs.made_by(site, maker),),
        severity="error",
        confidence=0.9 if cut else 0.85,
        steps=signs.span(training),
        fix=Fix(
            "give the raw output to cross_entropy (one class of several) or binary_cross_entropy_with_logits (yes or no)",
            "loss = F.cross_entropy(output, target)",
        ),
        source=site.source,
    )
