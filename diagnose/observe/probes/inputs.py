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
    finite = (values - values).add_(1).nan_to_num_(0.0)  # 1 or 0: comparing and choosing takes many times as long
    filled = values.nan_to_num(0.0, 0.0, 0.0)
    count = finite.sum()
    mean = filled.sum() / count.clamp_min(1)
    centred = (filled - mean).mul_(finite)
    answer = {
        "input_mean": mean,
        "input_std": (centred.square().sum() / count.clamp_min(1)).sqrt(),
        "input_min": values.nan_to_num(math.inf, math.inf, math.inf).amin(),
        "input_max": values.nan_to_num(-math.inf, -math.inf, -math.inf).amax(),
        "input_non_finite_share": 1 - count / values.numel(),
        "input_integer_share": 1 - torch.sign(filled.frac()).abs_().mean(),
        "input_batch_std": _deviation(filled, 0).square().mean().sqrt() if values.shape[0] > 1 else nothing,
    }
    axes, columns = _columns(filled)
    answer["feature_mean"] = columns.mean(axes).reshape(-1)
    answer["feature_std"] = _deviation(columns, axes).reshape(-1)
    answer["feature_min"], answer["feature_max"] = columns.amin(axes).reshape(-1), columns.amax(axes).reshape(-1)
    return answer


def _deviation(values: Tensor, axes: int | tuple[int, ...]) -> Tensor:
    """Standard deviation along axes; torch's own takes one element after the other."""
    apart = values - values.mean(axes, keepdim=True)
    return apart.mul_(apart).mean(axes).sqrt()


def _columns(values: Tensor) -> tuple[tuple[int, ...], Tensor]:
    """Axes of the observations, and the values of at most FEATURES features."""
    if values.dim() == 1:
        return (0,), values.unsqueeze(1)
    if values.dim() <= 3:
        return tuple(range(values.dim() - 1)), values[..., :FEATURES]
    return (0, *range(2, values.dim())), values[:, :FEATURES]
