from __future__ import annotations

from collections.abc import Iterator

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import LossSite, Training

SQUASHING = ("sigmoid", "hardsigmoid", "softmax")


@rule(
    needs=("losses",),
    symptoms=(
        "short-memory", "loss-not-decreasing",
        "underfitting",
        "stopped-too-early",
        "class-imbalance", "learning-rate-too-low",
        "vanishing-gradients",
        "saturated-activations",
        "constant-output",
        "wrong-initial-loss",
        "overtraining",
    ),
)
def sigmoid_before_bce_with_logits(training: Training, *, min_snapshots: int = 5) -> Iterator[Finding]:
    """Binary cross entropy with logits is given probabilities.

    What it does:
        Looks at the operation that made the input of each `binary_cross_entropy_with_logits` that was trained on: a
        sigmoid (or softmax) there, with every value within [0, 1], is reported. Where the operation could not be
        seen, values that stay within [0, 1] over at least `min_snapshots` snapshots are reported with less confidence.

    Why is this bad:
        The loss takes the sigmoid itself. The sigmoid of a number within [0, 1] lies within [0.5, 0.73]: the network
        can never say no, and the loss of a negative sample cannot fall below ln 2 = 0.69.

    Fix:
        Give the loss the raw output, and take the sigmoid where probabilities are wanted; or keep the sigmoid and use
        `binary_cross_entropy`.

    Known problems:
        Without the operations, a network whose logits happen to lie within [0, 1] throughout looks the same.

    Example:
        `loss = nn.BCEWithLogitsLoss()(torch.sigmoid(model(x)), y)`

    References:
        torch.nn.BCEWithLogitsLoss: "combines a Sigmoid layer and the BCELoss in one single class".
    """
    for site in training.training_losses:
        if site.function == "binary_cross_entropy_with_logits":
            yield from _judge(training, site, min_snapshots)


def _judge(training: Training, site: LossSite, min_snapshots: int) -> Iterator[Finding]:
    made = signs.nearest(site, SQUASHING)
    if site.operations and made is None:
        return
    lowest = training.series("loss_input_min", site.id).finite()
    highest = training.series("loss_input_max", site.id).finite()
    measured = len(lowest) > 0 and len(highest) > 0
    if measured and (lowest.values.min() < 0 or highest.values.max() > 1):
        return
    if made is None and (
        not measured or len(lowest) < min_snapshots or highest.values.max() - lowest.values.min() < 0.05
    ):
        return
    evidence = [signs.made_by(site, made)] if made else []
    if measured:
        bounds = (0.0, 1.0)
        evidence += [
            Evidence(
                "loss_input_min", site.id, lowest.span, float(lowest.values.min()), "within", bounds, statistic="min"
            ),
            Evidence(
                "loss_input_max", site.id, highest.span, float(highest.values.max()), "within", bounds, statistic="max"
            ),
        ]
    place = signs.where(site)
    reach = f"{lowest.values.min():.2g} to {highest.values.max():.2g}" if measured else "0 to 1"
    yield Finding(
        message=f"BCE with logits takes the sigmoid of {place}, which is already a {made or 'probability'} ({reach}): "
        "it can predict no probability below 0.5",
        places=(place,),
        evidence=tuple(evidence),
        severity="error",
        confidence=0.97 if made else 0.6,
        steps=signs.span(training),
        fix=Fix(
            f"remove the {made or 'sigmoid'} from {place}: the loss applies it itself; elsewhere take "
            "torch.sigmoid(logits)",
            "loss = F.binary_cross_entropy_with_logits(logits, target)  # logits: the output before the sigmoid",
        ),
        source=site.source,
    )
