from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import e, log

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import LossSite, Training

BFLOAT16 = 2.0**-7  # eps


@rule(
    needs=("losses",),
    symptoms=(
        "short-memory", "loss-not-decreasing",
        "underfitting",
        "stopped-too-early",
        "learning-rate-too-low",
        "vanishing-gradients",
        "saturated-activations",
        "constant-output",
        "wrong-initial-loss",
    ),
)
def softmax_before_cross_entropy(training: Training, *, row_sum_error: float = 1e-3) -> Iterator[Finding]:
    """Cross entropy is given probabilities instead of logits.

    What it does:
        Looks at the operation that made the input of each `cross_entropy` that was trained on. A softmax there, with
        rows that sum to 1 within `row_sum_error`, is reported. Where the operation could not be seen, rows of
        non-negative numbers that sum to 1 from the first step to the last are reported with less confidence. A
        log-softmax of a softmax is reported as well.

    Why is this bad:
        `cross_entropy` takes the softmax itself. Of probabilities, which lie within [0, 1], a second softmax makes an
        almost uniform distribution: with K classes the loss cannot fall below ln(1 + (K - 1)/e), and the gradient
        shrinks as the network grows sure.

    Fix:
        Give the loss the raw output (logits) and take the softmax where probabilities are wanted.

    Known problems:
        `log_softmax` alone before `cross_entropy` is harmless (a second log-softmax changes nothing) and not
        reported, nor is a softmax of which the logarithm is taken. A softmax over another axis than the classes' is
        wrong-softmax-dimension.

    Example:
        `model = nn.Sequential(nn.Linear(64, 10), nn.Softmax(dim=1))` with `nn.CrossEntropyLoss()`

    References:
        torch.nn.CrossEntropyLoss: "the input is expected to contain the unnormalized logits for each class".
        The bound on the loss: a one-hot row in the softmax gives e/(e + K - 1). 1e-3: rows of a float16 softmax over
        1,000 classes sum to 1 within 1e-3; the rows of logits missed it by 0.6 to 70 in 108 programs. Numbers of bfloat16 are
        rounded more coarsely, to torch.finfo's eps: then that is the limit.
    """
    for site in training.training_losses:
        if site.function in signs.CATEGORICAL and site.operations[:1] == ("log_softmax",):
            yield from _twice(training, site)
        elif site.function == "cross_entropy":
            yield from _judge(training, site, row_sum_error)


def _twice(training: Training, site: LossSite) -> Iterator[Finding]:
    """A log-softmax of a softmax: only what each of the two is given tells that there are two."""
    if signs.nearest(replace(site, operations=site.operations[1:]), ("softmax",)) is None:
        return
    count = signs.classes(site)
    floor = f": with {count} classes the loss cannot fall below {log(1 + (count - 1) / e):.2f}" if count else ""
    place = signs.where(site)
    yield Finding(
        message=f"{site.function} is given the log-softmax of a softmax at {place}, 2 softmaxes in a row{floor}",
        places=(place,),
        evidence=(signs.made_by(site, "softmax"), signs.made_by(site, "log_softmax")),
        severity="error",
        confidence=0.97,
        steps=signs.span(training),
        fix=Fix("remove the first softmax: log_softmax takes the raw output", "log_softmax(logits)"),
        source=site.source,
    )


def _judge(training: Training, site: LossSite, tolerance: float) -> Iterator[Finding]:
    seen = signs.nearest(site, ("softmax",)) is not None
    if (site.operations and not seen) or signs.classes(site) == 1:
        return
    error = training.series("loss_input_row_sum_error", site.id).finite()
    worst = signs.middle(error.values)
    tolerance = max(tolerance, BFLOAT16) if site.input_dtype == "bfloat16" else tolerance
    if len(error) and not worst <= tolerance:
        return
    if not seen:  # only the numbers speak: probabilities at every snapshot, not once by chance
        lowest = training.series("loss_input_min", site.id).finite().values
        if len(error) < 5 or error.values.max() > tolerance or not len(lowest) or lowest.min() < 0:
            return
    elif not len(error) and site.operations[0] != "softmax":
        return
    evidence = []
    if seen:
        evidence.append(signs.made_by(site, "softmax"))
    if len(error):
        evidence.append(Evidence("loss_input_row_sum_error", site.id, error.span, worst, "within", (0.0, tolerance)))
    count = signs.classes(site)
    floor = f": with {count} classes the loss cannot fall below {log(1 + (count - 1) / e):.2f}" if count else ""
    place = signs.where(site)
    yield Finding(
        message=f"cross entropy takes the softmax of {place}, whose rows are already a softmax (sum 1){floor}",
        places=(place,),
        evidence=tuple(evidence),
        severity="error",
        confidence=0.98 if seen else 0.8,
        steps=signs.span(training),
        fix=Fix(
            f"remove the softmax from {place} and give cross entropy the raw output; where probabilities are wanted, "
            "take the softmax outside the loss",
            "loss = F.cross_entropy(logits, target)  # logits: the output before the softmax",
        ),
        source=site.source,
    )
