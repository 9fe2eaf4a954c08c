from __future__ import annotations

from collections.abc import Iterator
from math import isnan, log
from typing import Literal

from diagnose.finding import Evidence, Finding, Fix, Severity
from diagnose.rules import rule, signs
from diagnose.rules.adversarial.pair import generated
from diagnose.rules.loss.ranges import FEW, MANY, ONE_SIDED, RANGES, last, out_of_reach
from diagnose.run import LossSite, Training


@rule(
    needs=("losses",),
    symptoms=(
        "short-memory", "loss-not-decreasing",
        "underfitting",
        "dead-units",
        "constant-output",
        "vanishing-gradients",
        "saturated-activations",
        "stopped-too-early",
        "learning-rate-too-low",
        "diverging-loss",
        "oscillating-loss",
        "wrong-initial-loss",
        "unused-parameters",
        "overtraining",
    ),
)
def wrong_output_activation(
    training: Training, *, beyond: float = 0.5, margin: float = 0.01, unlearnt: float = 0.5, whole: float = 0.1
) -> Iterator[Finding]:
    """The output's activation cannot give what the loss or the targets ask for.

    What it does:
        Compares the activation nearest to each trained loss with what it can put out. For quantities: targets that
        lie more than `beyond` of their standard deviations outside its range, an error where a sixth of them or more
        do, a warning where it is fewer (one in forty or more) and more than `unlearnt` of a constant prediction's
        loss remains. For classes: logits that went through ReLU, sigmoid or tanh; a softmax over one unit; two
        activations before binary cross entropy; a softmax whose outputs are held against targets that sum to more or less
        than 1 by more than `whole` in each sample; a generator's output, held against the samples it is to imitate in the
        same way as quantities against their targets; `nll_loss` or `kl_div` given numbers above `margin`, which no
        log-probability is, or the logarithm of a ReLU.

    Why is this bad:
        A ReLU never answers -0.5, a sigmoid never 3: those targets keep their error for ever, and where ReLU puts out
        0 there is no gradient to leave it. Logits squeezed into [0, 1] cannot become sure of a class.

    Fix:
        No activation on the output for quantities and for losses that take logits; or one whose range holds the
        targets.

    Known problems:
        A bounded output with noise on targets at its bound is right, hence `beyond`. An output that is rescaled after
        its activation (`2 * tanh(x)`, soft-capped logits) has an unknown range and is not judged. The state of an LSTM or
        GRU that goes into the loss as it is lies between -1 and 1, as far as it began there.

    Example:
        `nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1), nn.ReLU())` for targets from -1 to 1

    References:
        Goodfellow et al. 2016, Deep Learning, 6.2.2, Output Units, https://www.deeplearningbook.org. 0.5:
        targets out of reach passed the range by 1.3 to 3.2 standard deviations in three programs; those of a fourth by
        0.8, but fewer than one in forty of them, which was noise.
        0.01: a log-probability is at most 0, up to rounding. 0.1: one-hot targets sum to 1, smoothed ones too; the pixels and
        tags that a softmax was to give summed to 2 to 20.
    """
    for site in training.training_losses:
        if site.function in signs.REGRESSION:
            yield from _quantities(training, site, beyond, unlearnt)
            yield from _shares(training, site, whole)
        elif site.function == "cross_entropy" or site.operations[:1] == ("log_softmax",):
            yield from _logits_of_classes(training, site)
        elif site.function in ("nll_loss", "kl_div"):
            yield from _log_probabilities(training, site, margin)
        elif site.function in signs.BINARY:
            yield from _yes_or_no(training, site)
            yield from _shares(training, site, whole)
    if training.kind == "gan":
        yield from _samples(training, beyond)


def _finding(
    training: Training,
    site: LossSite,
    message: str,
    fix: Fix,
    evidence: tuple[Evidence, ...] = (),
    severity: Severity = "error",
    confidence: float = 0.95,
) -> Finding:
    return Finding(
        message=message,
        places=(signs.where(site),),
        evidence=evidence or tuple(signs.made_by(site, operation) for operation in site.operations[:1]),
        severity=severity,
        confidence=confidence,
        steps=signs.span(training),
        fix=fix,
        source=site.source,
    )


def _single_softmax(training: Training, site: LossSite) -> Iterator[Finding]:
    shape = site.input_shape
    if site.operations[:1] == ("softmax",) and shape and len(shape) > 1 and shape[-1] == 1:
        text = (
            "one unit: a sigmoid (or no activation and binary_cross_entropy_with_logits); softmax needs a unit a class"
        )
        message = f"softmax over the single unit of {signs.where(site)} is always 1"
        yield _finding(training, site, message, Fix(text, "loss = F.binary_cross_entropy_with_logits(output, target)"))


def _shares(training: Training, site: LossSite, whole: float) -> Iterator[Finding]:
    """A softmax gives shares of one; the targets are none."""
    shape = site.input_shape
    if site.operations[:1] != ("softmax",) or not shape or len(shape) != 2 or shape[1] < 2 or site.target_shape != shape:
        return
    missed, mean = (signs.typical(training, name, site.id) for name in ("loss_input_row_sum_error", "loss_target_mean"))
    total = mean * shape[1]
    if not missed <= 0.01 or not abs(total - 1) > whole:
        return
    place, limits = signs.where(site), ((1 - whole) / shape[1], (1 + whole) / shape[1])
    way: Literal["below", "above"] = "above" if total > 1 else "below"
    span = training.series("loss_target_mean", site.id).span
    seen = Evidence("loss_target_mean", site.id, span, mean, way, limits[total > 1])
    message = f"softmax at the output {place} gives {shape[1]} shares of 1, the targets of a sample sum to {total:.3g}"
    text = f"a sigmoid (or none) instead of the softmax at {place}: each output then is its own"
    yield _finding(training, site, message, Fix(text), (seen,), "error", 0.93)


def _quantities(training: Training, site: LossSite, beyond: float, unlearnt: float) -> Iterator[Finding]:
    yield from _single_softmax(training, site)
    activation = last(training, site)
    if activation not in RANGES:
        return
    low, high = RANGES[activation]
    lowest, highest = training.series("loss_target_min", site.id), training.series("loss_target_max", site.id)
    least, most = signs.middle(lowest.finite().values), signs.middle(highest.finite().values)
    mean, spread = signs.typical(training, "loss_target_mean", site.id), signs.target_spread(training, site)
    if isnan(least) or isnan(most) or isnan(mean) or not spread > 0:
        return
    under, over = low - least, most - high
    if max(under, over) <= beyond * spread:
        return
    place, made = signs.where(site), signs.middle(training.series("loss_input_min", site.id).finite().values)
    if made < low - 0.01 * spread:
        return  # rescaled after all
    if under >= over:
        limit = low - beyond * spread
        seen = Evidence("loss_target_min", site.id, lowest.span, least, "below", limit)
        message = f"{activation} at the output {place} cannot go below {low:g}, the targets go down to {least:.3g}"
    else:
        limit = high + beyond * spread
        seen = Evidence("loss_target_max", site.id, highest.span, most, "above", limit)
        message = f"{activation} at the output {place} cannot go above {high:g}, the targets go up to {most:.3g}"
    left, gone = signs.unlearnt(training, site), out_of_reach((low, high), (least, most), mean, spread)
    certain = gone > MANY and not left < 0.1
    if not seen.holds() or gone <= FEW or (not certain and left <= unlearnt):
        return
    severity: Severity = "error" if certain else "warning"
    text = f"remove the {activation} from the output {place} (or scale the targets into {low:g}..{high:g})"
    if activation[0].isupper():
        text = f"put a linear layer between {place} and the loss (or scale the targets into {low:g}..{high:g})"
    yield _finding(training, site, message, Fix(text), (seen,), severity, 0.95 if severity == "error" else 0.8)


def _samples(training: Training, beyond: float) -> Iterator[Finding]:
    """A generator whose last activation keeps its samples from where the real ones are."""
    pair = generated(training)
    if pair is None or pair[0].activation not in RANGES:
        return
    layer, judged = pair
    activation = layer.activation or ""
    low, high = RANGES[activation]
    for site in training.inputs:  # real and generated samples, in whatever order the discriminator is given them
        if site.network != judged.network or site.shape != judged.shape:
            continue
        least, most = (signs.extreme(training, f"input_{s}", site.id, e) for s, e in (("min", "low"), ("max", "high")))
        mean, spread = (signs.typical(training, f"input_{name}", site.id) for name in ("mean", "std"))
        under, over = low - least, most - high
        if not (spread > 0 and max(under, over) > beyond * spread):
            continue
        gone = out_of_reach((low, high), (least, most), mean, spread)
        if gone <= FEW:
            continue
        name, value, bound = ("input_min", least, low) if under >= over else ("input_max", most, high)
        way: Literal["below", "above"] = "below" if under >= over else "above"
        limit = low - beyond * spread if under >= over else high + beyond * spread
        yield Finding(
            message=f"{activation} at the generator's output {layer.path} cannot go {way} {bound:g}, real samples reach {value:.3g}",
            places=(layer.path,),
            evidence=(Evidence(name, site.id, training.series(name, site.id).span, value, way, limit),),
            severity="error" if gone > MANY else "warning",
            confidence=0.85 if gone > MANY else 0.75,
            steps=signs.span(training),
            fix=Fix(
                f"scale the real samples into {low:g}..{high:g}, or remove the {activation}",
                f"x = x / {max(abs(least), abs(most)):.3g}" if activation == "tanh" else None,
            ),
            source=layer.source,
        )
        return


def _logits_of_classes(training: Training, site: LossSite) -> Iterator[Finding]:
    operations = site.operations[1:] if site.operations[:1] == ("log_softmax",) else site.operations
    activation = last(training, site) if operations == site.operations else operations[0] if operations else ""
    if activation not in ("relu", "sigmoid", "hardsigmoid", "tanh", "LSTM", "GRU", "LSTMCell", "GRUCell") or signs.classes(site) == 1:
        return
    if operations != site.operations:  # the loss's own input are log-probabilities
        yield from _squeezed(training, site, activation, ())
        return
    low, high = RANGES[activation]
    lowest, highest = (training.series(f"loss_input_{side}", site.id).finite() for side in ("min", "max"))
    if len(lowest) and (lowest.values.min() < low - 1e-3 or highest.values.max() > high + 1e-3):
        return
    evidence: tuple[Evidence, ...] = ()
    if len(lowest):
        value = float(lowest.values.min())
        evidence = (
            Evidence("loss_input_min", site.id, lowest.span, value, "within", (low - 1e-3, 1.0), statistic="min"),
        )
    if not all(e.holds() for e in evidence):
        evidence = ()
    yield from _squeezed(training, site, activation, evidence)


def _squeezed(training: Training, site: LossSite, activation: str, evidence: tuple[Evidence, ...]) -> Iterator[Finding]:
    place, count = signs.where(site), signs.classes(site)
    low, high = RANGES[activation]
    text = f"remove the {activation} from {place}: the softmax takes raw outputs"
    if activation[0].isupper():
        text = f"put a linear layer between {place} and the loss: the softmax takes raw outputs"
    fix = Fix(text, "loss = F.cross_entropy(logits, target)  # logits: the output before the activation")
    if activation == "relu":
        bad = signs.unlearnt(training, site) > 0.5
        message = (
            f"relu on the logits {place}: a class whose output is 0 gets no gradient and can never be ruled out below 0"
        )
        yield _finding(training, site, message, fix, evidence, "error" if bad else "warning", 0.9)
        return
    width = high - low
    floor = (
        f", so with {count} classes the loss cannot fall below {log(1 + (count - 1) * 2.718281828**-width):.2f}"
        if count
        else ""
    )
    message = f"{activation} on the logits {place} keeps them within {low:g} to {high:g}{floor}"
    yield _finding(training, site, message, fix, evidence, "error", 0.95)


def _log_probabilities(training: Training, site: LossSite, margin: float) -> Iterator[Finding]:
    near = site.operations[:4]
    if "log_softmax" in near or "log_sigmoid" in near:
        return
    place = signs.where(site)
    if "log" in near:
        made = next((o for o in site.operations[near.index("log") :] if o in RANGES or o in signs.LINEAR), "")
        if made in ("relu", "tanh", "abs"):
            text = f"replace the {made} and the logarithm by log_softmax, or use cross_entropy on the raw output"
            message = (
                f"{site.function} is given the logarithm of a {made} at {place}: a class with output 0 gets no gradient"
            )
            fix = Fix(text, "loss = F.cross_entropy(output, target)  # output: the last linear layer's")
            low = training.series("loss_input_min", site.id).finite()
            floor = float(low.values.min()) if len(low) else 0.0
            seen = (Evidence("loss_input_min", site.id, low.span, floor, "below", -10.0, statistic="min"),)
            yield _finding(training, site, message, fix, seen if floor < -10 else ())
        return
    highest = training.series("loss_input_max", site.id).finite()
    value = signs.middle(highest.values)
    if not value > margin:
        return
    if site.function == "nll_loss" and signs.nearest(site, signs.LINEAR):
        return  # raw scores: the loss is the wrong one for them
    what = "probabilities (softmax without logarithm)" if "softmax" in near else f"numbers up to {value:.3g}"
    seen = (Evidence("loss_input_max", site.id, highest.span, value, "above", margin),)
    message = (
        f"{site.function} at {place} expects log-probabilities, which are at most 0, and is given "
        f"{what}, up to {value:.3g}"
    )
    if "softmax" not in near:
        message = f"{site.function} at {place} expects log-probabilities, which are at most 0, and is given {what}"
    if site.function == "nll_loss":
        fix = Fix(
            "use cross_entropy on the raw output, or log_softmax before nll_loss",
            "loss = F.cross_entropy(output, target)",
        )
    else:
        fix = Fix(
            "take log_softmax of the input",
            "loss = F.kl_div(F.log_softmax(output, dim=1), target, reduction='batchmean')",
        )
    yield _finding(training, site, message, fix, seen)


def _yes_or_no(training: Training, site: LossSite) -> Iterator[Finding]:
    yield from _single_softmax(training, site)
    place, operations = signs.where(site), site.operations
    low = training.series("loss_input_min", site.id).finite()
    high = training.series("loss_input_max", site.id).finite()
    if site.function == "binary_cross_entropy":
        if (
            operations[:1] != ("sigmoid",)
            or len(operations) < 2
            or operations[1] not in ("sigmoid", "softmax", *ONE_SIDED, "tanh")
        ):
            return
        inner, floor, ceiling = operations[1], 0.5, 0.7311
        if inner == "tanh":
            floor, ceiling = 0.2689, 0.7311
        elif inner in ONE_SIDED:
            ceiling = 1.0
        loss = "loss = F.binary_cross_entropy(torch.sigmoid(logits), target)"
    else:
        if operations[:1] not in [(a,) for a in (*ONE_SIDED, "tanh")]:
            return
        inner, (floor, ceiling) = operations[0], RANGES[operations[0]]
        loss = "loss = F.binary_cross_entropy_with_logits(logits, target)"
    if len(low) and (low.values.min() < floor - 1e-2 or high.values.max() > ceiling + 1e-2):
        return
    evidence: tuple[Evidence, ...] = ()
    if len(low):
        least = float(low.values.min())
        evidence = (Evidence("loss_input_min", site.id, low.span, least, "above", floor - 1e-2, statistic="min"),)
    bound = 0.27 if inner == "tanh" else 0.5
    message = f"{inner} under the sigmoid at {place}: no probability below {bound:g} can be predicted"
    fix = Fix(f"remove the {inner} from {place}", loss + "  # logits: the last linear layer's output")
    yield _finding(training, site, message, fix, evidence)
