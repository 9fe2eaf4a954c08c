from __future__ import annotations

from collections.abc import Iterator
from math import isnan, prod

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule, signs
from diagnose.run import Layer, Training


@rule(
    needs=("samples",),
    symptoms=(
        "tiny-batches",
        "oscillating-loss",
        "underfitting",
        "loss-not-decreasing",
        "loss-spikes",
        "suspicious-validation",
        "overfitting",
        "overtraining",
        "exploding-gradients",
    ),
)
def batch_norm_small_batch(training: Training, *, values: int = 16, few_samples: int = 2) -> Iterator[Finding]:
    """Batch norm normalises by too few values.

    What it does:
        Counts the values each batch norm channel is normalised by: samples times positions of the batch that it
        is given, which is a part of a step's where several are gathered for one. Fewer than `values`, or no
        more than `few_samples` samples, is reported while the layer is in training mode.

    Why is this bad:
        The mean and variance of so few values are mostly noise, and with two values a channel the output is always
        -1 and +1, whatever came in. The running averages do not describe what the network was trained on, so
        evaluation is worse than training.

    Fix:
        Batches of 16 or more; or group norm, which does not look across samples; or gather the batch by accumulation
        with frozen statistics.

    Known problems:
        Positions of an image are correlated and count less than samples do. Synchronised batch norm sees all ranks'
        samples and is left out.

    Example:
        `nn.BatchNorm1d(64)` with `DataLoader(..., batch_size=2)`

    References:
        Wu & He 2018, Group Normalization, figure 1, https://arxiv.org/abs/1803.08494: the error of ResNet-50 rises from
        23.6 % at 32 samples to 34.7 % at 2, at 8 by 1.2 points; 16 values have a standard error of a quarter of a
        standard deviation.
    """
    samples = signs.typical(training, "samples")
    if isnan(samples):
        return
    found = []
    for layer in training.layers:
        if layer.role == "normalization" and "BatchNorm" in layer.type and "Sync" not in layer.type:
            rows = layer.shape[0] if layer.shape and layer.shape[0] > 0 else samples  # of a step several batches may be gathered
            count = float(rows * prod(layer.shape[2:])) if layer.shape else samples
            if _training(training, layer) and (count < values or rows <= few_samples):
                found.append((count, rows, layer))
    if not found:
        return
    least, rows, layer = min(found, key=lambda entry: entry[0])
    series = training.series("samples")
    limit = max(values * rows / max(least, 1), few_samples + 1)
    seen = Evidence("samples", None, series.span, samples, "below", limit)
    if rows != samples:
        seen = Evidence("output_shape", layer.path, None, float(rows), "below", limit, statistic="rows")
    yield Finding(
        message=f"{layer.path} normalises each channel by {least:.0f} values (batches of {rows:.0f})"
        + (
            f", as do {len(found) - 1} more batch norms by fewer than {values} or {few_samples} samples"
            if len(found) > 1
            else ""
        ),
        places=tuple(entry.path for *_, entry in sorted(found, key=lambda entry: entry[0])),
        evidence=(seen,),
        severity="error" if least <= 4 else "warning",
        confidence=0.93 if least <= 4 else 0.75,
        steps=signs.span(training),
        fix=Fix(
            f"raise the batch size from {rows:.0f} to 16 or more, or replace {layer.path} by group norm",
            _replacement(layer),
        ),
        source=layer.source,
    )


def _training(training: Training, layer: Layer) -> bool:
    """Whether the layer uses the batch's own figures: it is in training mode, as far as that was seen."""
    mode = training.series("layer_training", layer.path).finite().values
    return not len(mode) or float(mode.mean()) > 0.5


def _replacement(layer: Layer) -> str | None:
    channels = layer.settings.get("num_features") or (layer.shape[1] if layer.shape and len(layer.shape) > 1 else None)
    if not isinstance(channels, int):
        return None
    groups = next(g for g in (8, 4, 2, 1) if channels % g == 0)
    return f"nn.GroupNorm({groups}, {channels})"
