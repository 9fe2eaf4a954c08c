"""What a network is fed."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diagnose.observe.probes import per_input, probe

SAMPLE = 262144
FEATURES = 512


@probe(
    event="inputs",
    quantities={
        "input_mean": per_input("input"),
        "input_std": per_input("input"),
        "input_min": per_input("input"),
        "input_max": per_input("input"),
        "input_non_finite_share": per_input("share"),
        "input_batch_std": per_input("input"),
        "input_integer_share": per_input("share"),
        "feature_mean": per_input("input", ragged=True),
        "feature_std": per_input("input", ragged=True),
        "feature_min": per_input("input", ragged=True),
        "feature_max": per_input("input", ragged=True),
    },
)
def inputs(batch: Tensor) -> dict[str, Tensor]:
    """Range and spread of one input tensor, as a whole and by feature.

    Args:
        batch: (N, F), (N, T, F), (N, C, H, W) or (N,), any dtype; at most 262,144 elements (whole samples) are read.

    Returns:
        0-dim float32 tensors, and vectors (F,) with F ≤ 512: columns of (N, F), last axis of (N, T, F), channels of
        images. Means and deviations are over the finite elements only; `input_batch_std` is the root mean square over
        elements of the standard deviation across samples.
    """
    values = batch.detach()
    if values.dim() == 0:
        values = values.reshape(1)
    if values.numel() > SAMPLE:
        values = values[: max(2, SAMPLE // max(1, values[0].numel()))]
    values = values.to(torch.float32)
    nothing = torch.full((), math.nan, dtype=torch.float32, device=values.device)
    if values.numel() == 0:
        return dict.fromkeys(inputs.quantities, nothing)
    finite = torch.isfinite(values)
    filled = torch.where(finite, values, torch.zeros_like(values))
    count = finite.sum().to(torch.float32).clamp_min(1)
    mean = filled.sum() / count
    centred = torch.where(finite, values - mean, torch.zeros_like(values))
    answer = {
        "input_mean": mean,
        "input_std": (centred.square().sum() / count).sqrt(),
        "input_min": torch.where(finite, values, torch.full_like(values, math.inf)).min(),
        "input_max": torch.where(finite, values, torch.full_like(values, -math.inf)).max(),
        "input_non_finite_share": 1 - finite.to(torch.float32).mean(),
        "input_integer_share": (filled == filled.round()).to(torch.float32).mean(),
        "input_batch_std": filled.flatten(1).var(0, correction=0).mean().sqrt()
        if values.dim() > 1 and values.shape[0] > 1
        else (filled.std(correction=0) if values.dim() == 1 and values.numel() > 1 else nothing),
    }
    columns = _columns(filled)
    if columns is None:
        columns = filled.reshape(-1, 1)
    columns = columns[:, :FEATURES]
    low, high = torch.aminmax(columns, dim=0)
    answer["feature_mean"] = columns.mean(0)
    answer["feature_std"] = columns.std(0, correction=0)
    answer["feature_min"], answer["feature_max"] = low, high
    return answer


def _columns(values: Tensor) -> Tensor | None:
    """As (observations, features)."""
    if values.dim() == 2:
        return values
    if values.dim() == 3:
        return values.flatten(0, 1)
    if values.dim() >= 4:
        return values.movedim(1, -1).flatten(0, -2)
    return None
