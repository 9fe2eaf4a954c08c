from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.run import Floats, Parameter, Training


@rule(
    needs=("weight_norm",),
    symptoms=(
        "vanishing-gradients", "loss-not-decreasing", "underfitting", "constant-output", "dead-units",
        "poor-initialization", "stopped-too-early", "learning-rate-too-low", "wasted-epochs", "unused-parameters",
    ),
)  # fmt: skip
def symmetric_initialization(training: Training, *, spread: float = 1e-3, min_snapshots: int = 3) -> Iterator[Finding]:
    """All units of a layer start equal and stay equal.

    What it does:
        Takes how far the rows of a weight (its output units) lie from their mean, relative to the weight's norm, and
        speaks when that is under `spread` at each snapshot, the last one included, although the weight is trained; and,
        less surely, when units of a linear layer were equal at the first snapshots and something else (dropout, rounding) has
        parted them since.

    Why is this bad:
        Units that start equal get equal gradients: a layer of a hundred of them has the power of one.

    Fix:
        Draw the weights at random (kaiming_uniform_, xavier_uniform_); only biases may start constant.

    Known problems:
        A last layer or a residual branch that starts at zero is no fault: its rows part at the first step, and then
        nothing is said.

    Example:
        `diagnose run demos/feedforward.py --problem symmetric-initialization`

    References:
        Goodfellow et al. 2016, Deep Learning, section 8.4, https://www.deeplearningbook.org/contents/optimization.html.
        Random weights have a spread near 1; float32 rounding alone leads to about 1e-6.
        In no sound program of tests/challenges do units start equal other than at zero.
    """
    moved = any(_moves(training, parameter) for parameter in training.parameters)  # else the units are not what holds it up
    for parameter in training.parameters:
        if not (moved and len(parameter.shape) >= 2 and parameter.shape[0] >= 2 and parameter.trainable and parameter.optimized):
            continue
        series = training.series("weight_row_spread", parameter.path)
        norms = training.series("weight_norm", parameter.path).finite()
        zero = len(norms) >= min_snapshots and not norms.values.any()
        if zero:
            yield _finding(training, parameter, norms.span, 0.0, spread, "weights are all zero and stay so")
            continue
        measured = series.finite()
        if len(measured) < min_snapshots or not _moves(training, parameter):
            continue
        worst = float(np.max(measured.values))
        if worst < spread:
            text = f"all {parameter.shape[0]} units have the same weights (spread {worst:.1e}, limit {spread:g})"
            yield _finding(training, parameter, measured.span, worst, spread, text)
        elif _one_number(training, parameter, spread):
            share = parameter.initial["std"] / abs(parameter.initial["mean"])
            text = f"all {parameter.shape[1]} numbers of a symbol started alike, and nothing but chance parts them"
            found = _finding(training, parameter, None, share, spread, text)
            seen = Evidence("initial std / mean", parameter.path, (0, 0), share, "below", spread, "ratio")
            yield replace(found, evidence=(seen,), severity="warning", confidence=0.85)
        elif _began_equal(training, parameter, measured.values[:min_snapshots], spread):
            first = float(np.max(measured.values[:min_snapshots]))
            text = (
                f"all {parameter.shape[0]} units started with the same weights (spread {first:.1e}, limit {spread:g}); what parted "
                f"them since is chance (spread {measured.values[-1]:.1e} at the end)"
            )
            yield replace(_finding(training, parameter, measured.span, first, spread, text), severity="warning", confidence=0.8)


def _one_number(training: Training, parameter: Parameter, spread: float) -> bool:
    """Whether a table of symbols began as one number other than 0: the gradient parts the symbols, not the numbers of each."""
    layer, mean = training.layer(parameter.layer), abs(parameter.initial.get("mean", 0.0))
    table = layer is not None and layer.role == "embedding" and parameter.shape[1] > 1
    return table and mean > 0 and parameter.initial.get("std", mean) < spread * mean


def _began_equal(training: Training, parameter: Parameter, first: Floats, spread: float) -> bool:
    """Whether the units of a linear layer were equal at the first snapshots: the gradient alone would never part them."""
    layer = training.layer(parameter.layer)
    return layer is not None and layer.role in ("linear", "convolution") and bool((first < spread).all())


def _moves(training: Training, parameter: Parameter) -> bool:
    updates = training.series("update_norm", parameter.path).finite()
    return not len(updates) or bool((updates.values > 0).any())


def _finding(
    training: Training, parameter: Parameter, span: tuple[int, int] | None, value: float, limit: float, text: str
) -> Finding:
    layer = training.layer(parameter.layer)
    return Finding(
        message=f"{parameter.path}: {text}" + (f" over {span[1] - span[0] + 1} steps" if value == 0.0 and span else ""),
        places=(parameter.layer or parameter.path,),
        evidence=(Evidence("weight_row_spread", parameter.path, span, value, "below", limit, "ratio", "max"),),
        confidence=0.95,
        steps=span,
        fix=Fix(
            "draw the weights at random and leave only the biases constant",
            f"nn.init.kaiming_uniform_(model.{parameter.path})",
        ),
        source=(layer.source if layer else None) or parameter.source,
    )
