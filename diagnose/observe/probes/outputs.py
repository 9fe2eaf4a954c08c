"""What a layer puts out: location, spread, range, zeros, saturation, dependence on the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from diagnose.observe.probes import Ragged, numbers, on, per_layer, probe, stacked

SAMPLE = 65536  # elements read of a large output; a mean's standard error is then below 0.4 % of the spread
UNITS = 256
BINS, BINNED = 32, 2048  # bins of a histogram and elements sorted into them: a bin's share has a standard error below 1.1 %
SILENT = ("relu", "relu6", "threshold", "hardtanh", "hardswish")  # activations that can put out exact zeros
POSITIVE = ("relu", "relu6")
# An output is saturated where the slope has fallen below 4 % of its largest: |2s - 1| > 0.98, |t| > 0.98.
_SATURATED = {"sigmoid": (0.01, 0.99), "tanh": (-0.98, 0.98), "softsign": (-0.98, 0.98)}
_ENDS = {"hardtanh": (-1.0, 1.0), "relu6": (0.0, 6.0), "hardsigmoid": (0.0, 1.0)}


class Reading(NamedTuple):
    """One output, read while it is there: sums as 0-dim tensors (None: has no meaning), and what is still to be arranged."""

    total: Tensor
    squares: Tensor  # around the mean
    low: Tensor
    high: Tensor
    across: Tensor | None  # sum over units and positions of the squares around the mean over the batch
    saturated: Tensor | None
    entropy: Tensor | None
    filled: Tensor  # how many elements are not zero
    by_unit: Tensor  # the same squares by unit
    some: Tensor  # elements for the histogram
    size: int
    each: int  # elements of one unit
    loudest: Tensor | None  # largest magnitude of each unit, where silence is asked for


def sampled(output: Tensor, channels_first: bool) -> Tensor:
    """The output as (samples, positions, units, positions), at most SAMPLE elements: whole samples first, then positions.

    One of the two axes of positions is empty; the memory's order is kept, for whoever goes through it transposed waits long.
    """
    if output.dim() == 0:
        return output.reshape(1, 1, 1, 1)
    if output.dim() == 1:
        return output[:SAMPLE].reshape(-1, 1, 1, 1)
    keep = max(2, SAMPLE // max(1, output.numel() // max(1, output.shape[0])))
    if keep < output.shape[0]:
        output = output[:keep]
    if channels_first and output.dim() > 2:
        shaped = output.flatten(2).unsqueeze(1)
        if shaped.numel() > 2 * SAMPLE:
            shaped = shaped[..., : max(1, SAMPLE // (shaped.shape[0] * shaped.shape[2]))]
        return shaped
    shaped = output.flatten(1, -2) if output.dim() > 2 else output.unsqueeze(1)
    if shaped.numel() > 2 * SAMPLE:
        shaped = shaped[:, : max(1, SAMPLE // (shaped.shape[0] * shaped.shape[2]))]
    return shaped.unsqueeze(-1)


def measure(output: Tensor, activation: str | None, channels_first: bool, axis: int) -> Reading:
    """Reads one output: few operations, each of a kind that runs at memory speed."""
    output = output.detach()
    shaped = sampled(output, channels_first)
    if shaped.dtype != torch.float32:
        shaped = shaped.to(torch.float32)
    flat = shaped.reshape(-1)
    size = flat.numel()
    if not size:
        none = torch.full((1,), math.nan, dtype=torch.float32, device=flat.device)
        one = none[0]
        return Reading(one, one, one, one, None, None, None, one, none, none, 1, 1, none)
    low, high = torch.aminmax(flat)
    samples, units = shaped.shape[0], shaped.shape[2]
    over = shaped.sum(0)  # the batch
    total = over.sum()
    between = torch.sub(over, total, alpha=samples / size).reshape(-1)  # of each position's sum, from that of the mean
    squares = torch.dot(between, between)
    if samples > 1:
        apart = torch.sub(shaped, over, alpha=1 / samples)
        apart.mul_(apart)
        by_unit = apart.sum((0, 1, 3)) if shaped.shape[3] == 1 else apart.sum(3).sum((0, 1))
        across = by_unit.sum()
        squares = torch.add(across, squares, alpha=1 / samples)  # within the positions, and between them
    else:
        across, by_unit = None, torch.full((units,), math.nan, dtype=torch.float32, device=flat.device)
    return Reading(
        total, squares, low, high, across, _saturated(output, flat, activation, axis),
        _entropy(output, activation, axis), filled(flat), by_unit if units <= UNITS else by_unit[:UNITS],
        flat.clone() if size <= BINNED else flat[:: size // BINNED].clone(), size, size // units,
        loudness(shaped, activation) if activation in SILENT else None,
    )  # fmt: skip


def filled(flat: Tensor) -> Tensor:
    """How many elements are not zero, 0-dim float32; exact, for there are less than 2^24 of them. NaN counts as zero.

    `count_nonzero` branches on every element: on what a ReLU puts out it takes ten times as long.
    """
    signs = torch.sign(flat)
    return torch.dot(signs, signs)


def loudness(shaped: Tensor, activation: str | None) -> Tensor:
    """Largest magnitude of each unit over samples and positions."""
    if not shaped.numel():
        return torch.zeros(shaped.shape[2], dtype=torch.float32, device=shaped.device)
    most = shaped.amax((0, 1, 3))
    return most if activation in POSITIVE else torch.maximum(most, shaped.amin((0, 1, 3)).neg_())


def combine(readings: Sequence[Reading]) -> dict[str, Tensor | Ragged]:
    """Readings of many outputs as quantities, with one operation for all of them."""
    total, squares, low, high, across, saturated, entropy, filled = stacked([reading[:8] for reading in readings])
    device = total.device
    size = numbers([reading.size for reading in readings], device)
    spreads = torch._foreach_div([on(device, reading.by_unit) for reading in readings], [float(reading.each) for reading in readings])
    return {
        "output_mean": total / size,
        "output_std": (squares / size).sqrt_(),
        "output_min": low,
        "output_max": high,
        "output_max_abs": torch.maximum(high, -low),
        "zero_share": 1 - filled / size + (low - low),  # no share of an output without elements
        "saturated_share": saturated,
        "batch_std": (across / size).sqrt_(),
        "softmax_entropy": entropy,
        "unit_std": Ragged(torch.cat(spreads).sqrt_(), [spread.numel() for spread in spreads]),
        "output_histogram": _histograms([on(device, reading.some) for reading in readings], low, high),
    }


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
    measure=measure,
    combine=combine,
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
        minimum and maximum, of at most 2048 elements) are vectors. `batch_std` is the root mean square over units of the
        standard deviation across the batch: zero when the output does not depend on the input.
    """
    readings = [measure(*one) for one in zip(tensors, activations, channels_first, axes, strict=True)]
    return {name: list(values) for name, values in combine(readings).items()}


def _saturated(output: Tensor, flat: Tensor, activation: str | None, axis: int) -> Tensor | None:
    if activation in _SATURATED:
        low, high = _SATURATED[activation]
        return ((flat < low) | (flat > high)).to(torch.float32).mean()
    if activation in _ENDS:
        low, high = _ENDS[activation]
        return ((flat <= low) | (flat >= high)).to(torch.float32).mean()
    if activation == "softmax":
        return (_rows(output, axis).amax(-1) > 0.99).to(torch.float32).mean()
    return None


def _entropy(output: Tensor, activation: str | None, axis: int) -> Tensor | None:
    if activation != "softmax" or output.dim() == 0 or output.shape[axis] < 2:
        return None
    rows = _rows(output, axis)
    entropies = -(rows * rows.clamp_min(1e-12).log()).sum(-1)
    places = (rows > 0).sum(-1)  # a masked place has exactly no weight
    chosen = places > 1
    chosen = chosen | (chosen.sum() * 2 < chosen.shape[0])  # where most rows see one place, that is how they chose
    even = places.clamp_min(2).to(torch.float32).log()
    return (entropies / even * chosen).sum() / chosen.sum()


def _rows(output: Tensor, axis: int) -> Tensor:
    """Some of the distributions in a softmax's output, (rows, classes)."""
    classes = output.shape[axis]
    wanted = max(1, SAMPLE // classes)
    if axis % output.dim():  # whole leading samples: the next line may copy
        output = output[: 1 + wanted * classes // max(1, output.numel() // output.shape[0])]
    return output.movedim(axis, -1).reshape(-1, classes)[:wanted].to(torch.float32)


def _histograms(samples: Sequence[Tensor], low: Tensor, high: Tensor) -> Tensor:
    """Counts of the elements of each layer in equal bins from its lowest to its highest, (layers, bins)."""
    values = pad_sequence(list(samples), batch_first=True, padding_value=math.nan)
    low, high = low.unsqueeze(1), high.unsqueeze(1)
    # What is no number, filling too, goes into the first bin, what is infinite into the last.
    bins = values.sub_(low).div_(high - low).mul_(BINS).nan_to_num_(0.0).clamp_(0, BINS - 1).to(torch.int64)
    counts = torch.zeros((len(samples), BINS), dtype=torch.float32, device=values.device)
    counts.scatter_add_(1, bins, torch.ones(bins.shape, dtype=torch.float32, device=values.device))
    longest = bins.shape[1]
    if any(sample.numel() < longest for sample in samples):
        counts.select(1, 0).sub_(numbers([longest - sample.numel() for sample in samples], values.device))
    return counts
