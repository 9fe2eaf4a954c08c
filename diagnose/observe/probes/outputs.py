"""What a layer puts out: location, spread, range, zeros, saturation, dependence on the input."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from diagnose.observe.probes import per_layer, probe

SAMPLE = 65536  # elements read of a large output; a mean's standard error is then below 0.4 % of the spread
UNITS = 256
BINS = 32
# An output is saturated where the slope has fallen below 4 % of its largest: |2s - 1| > 0.98, |t| > 0.98.
_SATURATED = {"sigmoid": (0.01, 0.99), "tanh": (-0.98, 0.98), "softsign": (-0.98, 0.98)}
_ENDS = {"hardtanh": (-1.0, 1.0), "relu6": (0.0, 6.0), "hardsigmoid": (0.0, 1.0)}


def by_unit(output: Tensor, channels_first: bool) -> Tensor:
    """The output as (samples, units, positions), at most SAMPLE elements: whole samples first, then positions."""
    if output.dim() == 0:
        return output.reshape(1, 1, 1)
    if output.dim() == 1:
        return output.reshape(-1, 1, 1)[:SAMPLE]
    if channels_first and output.dim() > 2:
        shaped = output.flatten(2)
        units = 1
    else:
        shaped = output.flatten(1, -2).transpose(1, 2) if output.dim() > 2 else output.unsqueeze(-1)
        units = 1
    one = max(1, shaped[0].numel()) if shaped.shape[0] else 1
    keep = max(2, SAMPLE // one)
    shaped = shaped[:keep]
    if shaped.numel() > 2 * SAMPLE:
        shaped = shaped[..., : max(1, SAMPLE // max(1, shaped.shape[0] * shaped.shape[units]))]
    return shaped


@probe(
    event="outputs",
    quantities={
        "output_mean": per_layer("output"),
        "output_std": per_layer("output"),
        "output_min": per_layer("output"),
        "output_max": per_layer("output"),
        "output_max_abs": per_layer("output"),
        "zero_share": per_layer("share"),
        "saturated_share": per_layer("share"),
        "batch_std": per_layer("output"),
        "softmax_entropy": per_layer("share"),
        "unit_std": per_layer("output", ragged=True),
        "output_histogram": per_layer("count", ragged=True),
    },
)
def outputs(
    tensors: Sequence[Tensor], activations: Sequence[str | None], channels_first: Sequence[bool], axes: Sequence[int]
) -> dict[str, list[Tensor]]:
    """Statistics of each layer's output.

    Args:
        tensors: outputs, batch first, any float dtype; large ones are read in part (whole leading samples).
        activations: the activation that made each output ("tanh"), or None.
        channels_first: whether axis 1 of each output is the channel.
        axes: the axis a softmax runs over.

    Returns:
        One 0-dim float32 tensor a layer and quantity; `unit_std` (units ≤ 256) and `output_histogram` (32 bins between
        minimum and maximum) are vectors. `batch_std` is the root mean square over units of the standard deviation
        across the batch: zero when the output does not depend on the input.
    """
    answer: dict[str, list[Tensor]] = {name: [] for name in outputs.quantities}
    for output, activation, first, axis in zip(tensors, activations, channels_first, axes, strict=True):
        units = by_unit(output.detach(), first).to(torch.float32)
        flat = units.reshape(-1)
        nothing = torch.full((), math.nan, dtype=torch.float32, device=flat.device)
        if flat.numel() == 0:
            for name in answer:
                answer[name].append(nothing)
            continue
        count = flat.numel()
        mean = flat.sum() / count
        low, high = torch.aminmax(flat)
        centred = flat - mean
        answer["output_mean"].append(mean)
        answer["output_std"].append((torch.dot(centred, centred) / count).sqrt())
        answer["output_min"].append(low)
        answer["output_max"].append(high)
        answer["output_max_abs"].append(torch.maximum(low.abs(), high.abs()))
        answer["zero_share"].append(1 - torch.count_nonzero(flat).to(torch.float32) / count)
        answer["saturated_share"].append(_saturated(output, flat, activation, axis, nothing))
        answer["softmax_entropy"].append(_entropy(output, activation, axis, nothing))
        deviation = units.std(0, correction=0).square().mean(1) if units.shape[0] > 1 else nothing.expand(units.shape[1])
        answer["batch_std"].append(deviation.mean().sqrt())
        answer["unit_std"].append(deviation[:UNITS].sqrt())
        answer["output_histogram"].append(_histogram(flat, low, high))
    return answer


def _saturated(output: Tensor, flat: Tensor, activation: str | None, axis: int, nothing: Tensor) -> Tensor:
    if activation in _SATURATED:
        low, high = _SATURATED[activation]
        return ((flat < low) | (flat > high)).to(torch.float32).mean()
    if activation in _ENDS:
        low, high = _ENDS[activation]
        return ((flat <= low) | (flat >= high)).to(torch.float32).mean()
    if activation == "softmax":
        return (_rows(output, axis).amax(-1) > 0.99).to(torch.float32).mean()
    return nothing


def _entropy(output: Tensor, activation: str | None, axis: int, nothing: Tensor) -> Tensor:
    if activation != "softmax" or output.dim() == 0 or output.shape[axis] < 2:
        return nothing
    rows = _rows(output, axis).clamp_min(1e-12)
    return -(rows * rows.log()).sum(-1).mean() / math.log(output.shape[axis])


def _rows(output: Tensor, axis: int) -> Tensor:
    rows = output.detach().movedim(axis, -1).reshape(-1, output.shape[axis])
    return rows[: max(1, SAMPLE // output.shape[axis])].to(torch.float32)


def _histogram(flat: Tensor, low: Tensor, high: Tensor) -> Tensor:
    if flat.numel() > 8192:
        flat = flat[:: flat.numel() // 8192]
    place = ((flat - low) / (high - low).clamp_min(1e-30) * BINS).clamp(0, BINS - 1).nan_to_num(0.0).to(torch.int64)
    counts = torch.zeros(BINS, dtype=torch.float32, device=flat.device)
    return counts.scatter_add_(0, place, torch.ones(place.shape, dtype=torch.float32, device=flat.device))
