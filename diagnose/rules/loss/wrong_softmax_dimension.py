from __future__ import annotations

from collections.abc import Collection, Iterator
from math import prod

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Layer, LossSite, Training

SOFTMAX = ("softmax", "log_softmax", "softmin", "gumbel_softmax")


@rule(
    needs=("losses",),
    symptoms=(
        "unused-parameters", "short-memory", "loss-not-decreasing",
        "underfitting",
        "softmax-before-cross-entropy",
        "stopped-too-early",
        "learning-rate-too-low",
        "constant-output",
        "saturated-activations",
        "vanishing-gradients",
        "wrong-output-activation",
        "wrong-initial-loss",
        "oscillating-loss",
    ),
)
def wrong_softmax_dimension(training: Training, *, row_sum_error: float = 0.01) -> Iterator[Finding]:
    """A softmax runs along another axis than the classes'.

    What it does:
        For losses whose input comes from a softmax, checks that each row sums to 1 along the class axis (more than
        `row_sum_error` off is reported), and for every softmax layer whose axis was recorded that it is not the axis
        of the samples, nor one of length 1 beside a longer one, nor, where it makes the loss's input directly, another
        one than the classes'.

    Why is this bad:
        Normalised along the batch, a sample's probabilities depend on which other samples it comes with; the network
        cannot answer for one sample alone, and what it learns does not hold at another batch size.

    Fix:
        `dim=1` for outputs of shape (batch, classes) or (batch, classes, height, width); `dim=-1` for attention
        weights.

    Known problems:
        Models whose first axis is time may well normalise along it: an inner softmax is only reported where the axis
        is as long as the batch and no other axis is. A single sample without batch axis has its classes on axis 0.

    Example:
        `nn.Softmax(dim=0)` on an output of shape (64, 10); `nn.Softmax()` without `dim` on three axes

    References:
        torch.nn.Softmax: without `dim`, torch picks 0 for one or three axes and 1 for others, deprecated for that
        reason. 0.01: rows of half-precision softmaxes sum to 1 within 1e-3; along the batch they missed it by 0.94.
    """
    seen: set[str] = set()
    for site in training.training_losses:
        for finding in _judge_site(training, site, row_sum_error):
            seen.add(finding.places[0])
            yield finding
    batch = {signs.typical(training, "samples"), *(site.shape[0] for site in training.inputs if site.shape)}
    for layer in training.layers:
        if layer.activation in SOFTMAX and layer.path not in seen:
            yield from _judge_inner(training, layer, batch)
            yield from _judge_single(training, layer)


def _axis(layer: Layer) -> int | None:
    """The axis the softmax runs along, counted from the front; None where unknown."""
    if layer.shape is None or "dim" not in layer.settings:
        return None
    axes, axis = len(layer.shape), layer.settings["dim"]
    if axis is None:  # torch's own choice where none is given
        axis = 0 if axes in (0, 1, 3) else 1
    return axis + axes if axis < 0 else int(axis)


def _judge_site(training: Training, site: LossSite, tolerance: float) -> Iterator[Finding]:
    if not site.operations or site.operations[0] not in SOFTMAX or not site.input_shape or len(site.input_shape) < 2:
        return
    if site.function not in (*signs.CATEGORICAL, *signs.BINARY, *signs.REGRESSION, "kl_div"):
        return
    classes = 1 if site.function in signs.CATEGORICAL else len(site.input_shape) - 1
    layer = training.layer(site.layer) if site.layer else None
    if layer is not None and layer.activation not in SOFTMAX:
        layer = None
    place = signs.where(site)
    axis = _axis(layer) if layer is not None else None
    flattened = layer is not None and axis is not None and _flattened(layer.shape, site.input_shape, axis)
    if layer is not None and flattened:
        classes = len(layer.shape or ()) - 1
    wrong = (
        axis is not None
        and layer is not None
        and (
            (layer.shape == site.input_shape and axis != classes)
            or (axis == 0 and len(layer.shape or ()) > 1)
            or flattened
        )
    )
    error = training.series("loss_input_row_sum_error", site.id).finite()
    worst = signs.middle(error.values)
    evidence: tuple[Evidence, ...] = ()
    if site.operations[0] == "softmax" and len(error):
        if worst <= tolerance:
            return
        evidence = (Evidence("loss_input_row_sum_error", site.id, error.span, worst, "above", tolerance),)
    elif not wrong:
        return
    else:
        evidence = (
            Evidence("softmax_axis", place, None, float(axis or 0), "unequal", float(classes), statistic="setting dim"),
        )
        if not evidence[0].holds():
            return
    over = f" over axis {axis} of {layer.shape}" if axis is not None and layer is not None else ""
    off = f": its rows miss the sum 1 by {worst:.2g}" if worst > tolerance else ""
    yield _finding(
        training,
        place,
        f"softmax at {place} runs{over or ' along a wrong axis'} instead of the classes' axis {classes}{off}",
        classes,
        evidence,
        site,
        0.93,
    )


def _flattened(made: tuple[int, ...] | None, given: tuple[int, ...], axis: int) -> bool:
    """Whether the loss got (samples · places, classes) of (samples, places, classes), and the softmax ran along the places."""
    if made is None or len(given) != 2 or len(made) < 3 or made[-1] != given[1] or axis == len(made) - 1:
        return False
    return prod(made[:-1]) == given[0]


def _judge_inner(training: Training, layer: Layer, batch: Collection[float]) -> Iterator[Finding]:
    shape = layer.shape
    if _axis(layer) != 0 or shape is None or len(shape) < 2 or shape[0] < 2:
        return
    if shape[0] not in batch or any(length in batch for length in shape[1:] if length > 1):
        return
    message = f"{layer.activation} at {layer.path} runs over axis 0 of {shape}, the {shape[0]} samples of the batch"
    axis = Evidence("softmax_axis", layer.path, None, 0.0, "equal", 0.0, statistic="setting dim")
    yield _finding(training, layer.path, message, len(shape) - 1, (axis,), layer, 0.85)


def _judge_single(training: Training, layer: Layer) -> Iterator[Finding]:
    """A softmax over an axis of one, though another one but the batch is longer: all its outputs are 1."""
    axis, shape = _axis(layer), layer.shape
    if axis is None or shape is None or len(shape) < 3 or axis >= len(shape) or shape[axis] != 1:
        return
    longer = [i for i in range(1, len(shape)) if shape[i] > 1]
    spread = training.series("output_std", layer.path).finite().values
    if not longer or (len(spread) and spread.max() > 1e-6):
        return
    message = (
        f"{layer.activation} at {layer.path} runs over axis {axis} of {shape}, which has length 1: every output is 1"
    )
    seen = Evidence("softmax_axis_length", layer.path, None, 1.0, "below", 2.0, statistic="shape")
    yield _finding(training, layer.path, message, longer[-1], (seen,), layer, 0.85)


def _finding(
    training: Training,
    place: str,
    message: str,
    axis: int,
    evidence: tuple[Evidence, ...],
    at: LossSite | Layer,
    confidence: float,
) -> Finding:
    return Finding(
        message=message,
        places=(place,),
        evidence=evidence,
        severity="error",
        confidence=confidence,
        steps=signs.span(training),
        fix=Fix(f"let {place} normalise along axis {axis}", f"nn.Softmax(dim={axis})"),
        source=at.source,
    )
