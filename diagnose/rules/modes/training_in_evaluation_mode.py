from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import stuck
from diagnose.run import Layer, Training


@rule(
    needs=("layer_training",),
    symptoms=(
        "overfitting",
        "overtraining",
        "oscillating-loss",
        "diverging-loss",
        "underfitting",
        "exploding-gradients",
        "vanishing-gradients",
        "loss-not-decreasing",
        "constant-output",
        "learning-rate-too-low",
        "wasted-epochs",
    ),
)
def training_in_evaluation_mode(
    training: Training, *, min_steps: int = 5, min_snapshots: int = 3, mostly: float = 0.5
) -> Iterator[Finding]:
    """The network trains while its dropout or batch norm is in evaluation mode.

    What it does:
        Follows the mode of each dropout (of p > 0) and batch norm layer over the training steps. All of them in
        evaluation mode, from the first step or from some step to the last over at least `min_snapshots` snapshots, or in
        more than `mostly` of the snapshots, is reported.

    Why is this bad:
        Dropout regularises nothing, and batch norm uses running averages that no longer follow the weights: the
        normalisation that the training relies on is gone. Mostly `model.eval()` for the first validation was never
        undone.

    Fix:
        `model.train()` at the start of every epoch.

    Known problems:
        Batch norm frozen on purpose is usual in fine-tuning: layers whose parameters are frozen, and batch norm in
        evaluation mode beside active dropout from the first step on, are left alone.

    Example:
        `for epoch in range(10): train(model); model.eval(); validate(model)`

    References:
        torch.nn.Module.eval; Ioffe & Szegedy 2015, Batch Normalization, section 3.1. 0.5: most of the steps; a validation in the
        middle of each epoch left 0.8 of them so, sound programs none.
    """
    if training.kind == "reinforcement":
        return
    modes = {}
    for layer in training.layers:
        series = training.series("layer_training", layer.path).finite()
        if len(series) >= min_snapshots and _matters(layer) and not _frozen(training, layer):
            modes[layer.path] = series
    if not modes:
        return
    off_since: dict[str, int] = {}
    for path, series in modes.items():
        on = np.flatnonzero(series.values > 0.5)
        since = int(on[-1]) + 1 if len(on) else 0
        if len(on) < (1 - mostly) * len(series):  # on again for a while in each epoch, perhaps
            since = int(np.flatnonzero(series.values <= 0.5)[0])
        if len(series) - since >= min_snapshots:
            off_since[path] = int(series.steps[since])
    if len(off_since) < len(modes):
        return  # some layers train as they should: a choice
    start = max(off_since.values())
    path = next(iter(off_since))
    first = training.layer(path)
    series = modes[path]
    always = start <= int(series.steps[0])
    grave = not always or stuck(training) is not None  # a choice from the first step on, where it works, is a choice
    last = int(series.steps[-1])
    share = float(np.mean(series.values[series.steps >= start] <= 0.5))
    if share <= mostly:
        return
    network = (first.network if first else "") or "model"
    since_when = "from the first step on" if always else f"from step {start} on"
    yield Finding(
        message=f"{len(off_since)} dropout or batch norm layers (first {path}) are in evaluation mode "
        f"{since_when}, to step {last}"
        + (f", in {share:.0%} of the steps looked at" if share < 1 else ""),
        places=tuple(off_since),
        evidence=(
            Evidence("layer_training", path, (start, last), 1 - share, "below", 1 - mostly, "share", "share of the steps"),
        ),
        severity="error" if grave else "warning",
        confidence=0.95 if grave else 0.75,
        steps=(start, last),
        fix=Fix(
            f"call {network}.train() at the start of every epoch, after the evaluation's {network}.eval()",
            f"for epoch in range(epochs):\n    {network}.train()\n    …",
        ),
        source=first.source if first else None,
    )


def _matters(layer: Layer) -> bool:
    if layer.functional:
        return False  # a dropout that is a function leaves no trace where it is off
    if layer.role == "dropout":
        return float(layer.settings.get("p", 0.5)) > 0
    return layer.role == "normalization" and "BatchNorm" in layer.type


def _frozen(training: Training, layer: Layer) -> bool:
    """Whether the layer has parameters and none of them is trained."""
    own = [p for path in layer.parameters if (p := training.parameter(path)) is not None]
    return bool(own) and not any(p.trainable for p in own)
