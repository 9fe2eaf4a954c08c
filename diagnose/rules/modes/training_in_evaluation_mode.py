from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import stuck
from diagnose.run import Layer, Series, Training


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
        more than `mostly` of the snapshots, is reported. So are the dropout layers of a part of the network whose weights are
        trained, where the whole part was in evaluation mode at every snapshot while the rest was not.

    Why is this bad:
        Dropout regularises nothing, and batch norm uses running averages that no longer follow the weights: the
        normalisation that the training relies on is gone. Mostly `model.eval()` for the first validation was never
        undone; or a part that came from a function which returns it ready for use, as most that load pretrained weights do.

    Fix:
        `model.train()` at the start of every epoch.

    Known problems:
        Batch norm frozen on purpose is usual in fine-tuning: layers whose parameters are frozen, and batch norm in
        evaluation mode beside active dropout from the first step on, are left alone, and so is a part in evaluation mode that has batch
        norm, or most of whose weights are frozen. Whoever wants no dropout in a part that is trained looks the same as who forgot it.

    Example:
        `for epoch in range(10): train(model); model.eval(); validate(model)`

    References:
        torch.nn.Module.eval; Ioffe & Szegedy 2015, Batch Normalization, section 3.1. 0.5: most of the steps; a validation in the
        middle of each epoch left 0.8 of them so, sound programs none. A part alone: in no sound program of tests/challenges is a dropout
        layer in evaluation mode at a training step, trained around or not. `from_pretrained` of Hugging Face returns models so:
        https://huggingface.co/docs/transformers/main_classes/model.
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
        yield from _a_part(training, modes)
        return  # else some layers train as they should: a choice
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


def _a_part(training: Training, modes: Mapping[str, Series]) -> Iterator[Finding]:
    """Dropout that is never active in a part of the network that is trained, beside layers that are in training mode."""
    never = [layer for path, series in modes.items() if not _ever(series) and (layer := training.layer(path)) is not None]
    if training.kind == "gan" or any(layer.role == "normalization" for layer in never):
        return  # batch norm is kept so on purpose while fine-tuning, and its neighbours with it
    active = [path for path in training.places("layer_training") if _ever(training.series("layer_training", path).finite())]
    still = {layer.path: part for layer in never if (part := _still_part(layer.path, active)) and _trained(training, part)}
    if not still:
        return
    path = next(iter(still))
    parts = tuple(dict.fromkeys(still.values()))
    series, first = modes[path], training.layer(path)
    rate = max(float(layer.settings.get("p", 0.5)) for p in still if (layer := training.layer(p)) is not None)
    others = f" and {len(parts) - 1} more" if len(parts) > 1 else ""
    network = (first.network if first else "") or "model"
    yield Finding(
        message=f"{parts[0]}{others} is trained in evaluation mode from the first step on, the rest in training mode: "
        f"{len(still)} dropout layers (first {path}, p up to {rate:g}) were active at none of {len(series)} steps looked at",
        places=tuple(still),
        evidence=(Evidence("layer_training", path, series.span, 0.0, "below", 0.5, "share", "share of the steps"),),
        severity="warning",
        confidence=0.75,
        steps=series.span,
        fix=Fix(
            f"call {network}.train() before training, which reaches all its parts; what loads pretrained weights returns them in "
            "evaluation mode",
            f"for epoch in range(epochs):\n    {network}.train()\n    …",
        ),
        source=first.source if first else None,
    )


def _ever(series: Series) -> bool:
    """Whether a layer was in training mode at any of the steps looked at."""
    return bool(np.any(series.values > 0.5))


def _still_part(path: str, active: Sequence[str]) -> str | None:
    """The largest part around a layer in which no layer is ever in training mode; None where that is the layer alone."""
    names = path.split(".")
    for end in range(1, len(names)):
        part = ".".join(names[:end])
        if not any(other == part or other.startswith(f"{part}.") for other in active):
            return part
    return None


def _trained(training: Training, part: str) -> bool:
    """Whether most of the weights of a part are trained."""
    own = [p for p in training.parameters if p.path.startswith(f"{part}.")]
    trained = sum(p.size for p in own if p.trainable and p.optimized and p.reached is not False)
    return 2 * trained > sum(p.size for p in own)


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
