"""What a layer puts out: location, spread, range, zeros, saturation, dependence on the input."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from diagnose.observe.probes import Arriving, Quantities, Ragged, at_once, per_layer, probe
from diagnose.observe.probes.columns import BINS, Columns, Floats, Sample, Summary

SAMPLE = 16384  # elements read of an output; a mean's standard error is then below 0.8 % of the spread
SPREAD = 8192  # of one that is larger and has positions: below 1.1 %
ROWS = 64  # samples among these
HEARD = 65536  # elements among which is looked whether a unit is silent: one that speaks rarely is not dead
UNITS = 256  # whose spread is told
POSITIVE = ("relu", "relu6")
SILENT = ("relu", "relu6", "threshold", "hardtanh", "hardswish")  # activations that can put out exact zeros
# An output is saturated where the slope has fallen below 4 % of its largest: |2s - 1| > 0.98, |t| > 0.98.
_SATURATED = {"sigmoid": (0.01, 0.99), "tanh": (-0.98, 0.98), "softsign": (-0.98, 0.98)}
_ENDS = {"hardtanh": (-1.0, 1.0), "relu6": (0.0, 6.0), "hardsigmoid": (0.0, 1.0)}
_BOUNDED = frozenset((*_SATURATED, *_ENDS, "softmax"))


class Reading(NamedTuple):
    """One output, read while it is there."""

    sample: Sample
    silent: bool  # whether silence is asked for
    saturated: Tensor | None  # None: has no meaning
    entropy: Tensor | None


def measure(output: Tensor, activation: str | None, channels_first: bool, axis: int) -> Reading:
    """Reads one output: few operations, each of a kind that runs at memory speed."""
    if torch.is_grad_enabled():
        output = output.detach()
    silent = activation in SILENT
    sample = sample_of(output, channels_first, activation if silent else None)
    if activation not in _BOUNDED:
        return Reading(sample, silent, None, None)
    saturated = _saturated(output, sample.values, activation, axis)
    return Reading(sample, silent, saturated, _entropy(output, activation, axis))


def sample_of(output: Tensor, channels_first: bool = False, silent: str | None = None) -> Sample:
    """At most SAMPLE elements of a tensor, or two samples of the batch: evenly spread samples, and positions of each, with all
    units; of a larger one, where it is an activation that can be silent, the largest magnitude of each unit among HEARD too."""
    size, dimensions = output.numel(), output.dim()
    if not size:
        return Sample(torch.full((1, 1), math.nan, dtype=torch.float32, device=output.device), 1)
    if output.is_contiguous():
        part = _part_of(output.shape, channels_first)
    else:
        if dimensions > 2 and channels_first:
            output = output.flatten(2)
        elif dimensions > 1:
            output = output.reshape(output.shape[0], -1, output.shape[-1]).transpose(1, 2)
        else:
            output = output.reshape(-1, 1, 1)
        part = _part(*output.shape, output.stride())
    start = output.storage_offset()
    some = output.as_strided(part.size, part.stride, start + part.start)
    values = some.to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    if len(part.size) == 3:
        values = values.flatten(1)
    if silent is None or part.heard is None:
        return Sample(values, part.units)
    return Sample(values, part.units, _loudest(output.as_strided(*part.heard, start), silent))


class _Part(NamedTuple):
    """Where in a tensor's memory the elements lie that are read: made once for each shape, for it is asked for in every step."""

    size: Sequence[int]  # (rows, units, positions) or (rows, units x positions)
    stride: Sequence[int]
    start: int
    units: int
    heard: tuple[Sequence[int], Sequence[int]] | None  # size and stride of what is asked for silence; None: of the same


@lru_cache(maxsize=1024)
def _part_of(shape: Sequence[int], channels_first: bool) -> _Part:
    """Of a contiguous tensor of this shape."""
    samples, units = (shape[0], shape[1 if channels_first else -1]) if len(shape) > 1 else (math.prod(shape), 1)
    positions = math.prod(shape) // (samples * units)
    inside = (positions, 1) if channels_first else (1, units)
    return _part(samples, units, positions, (units * positions, *inside))


@lru_cache(maxsize=1024)
def _part(samples: int, units: int, positions: int, stride: Sequence[int]) -> _Part:
    """Evenly spread samples and positions of (samples, units, positions); where that is not all, whole samples to be heard, of
    large ones leading positions."""
    rows, kept, heard = samples, positions, None
    if samples * units * positions > SAMPLE:
        rows = min(samples, max(2, SAMPLE // units)) if positions == 1 else min(samples, ROWS, max(2, SPREAD // units))
        kept = min(positions, max(1, SPREAD // (rows * units)))
        whole = min(samples, max(2, HEARD // (units * positions)))
        places = positions if whole * units * positions <= 2 * HEARD else min(positions, max(1, 2 * HEARD // (whole * units)))
        heard = (whole, units, places), stride
    down, beside, along = stride
    apart = positions // kept
    start = apart // 2 * along if kept < positions else 0
    down, along = down * (samples // rows), along * apart
    if kept == 1 or (beside == kept * along and units > 1):
        return _Part((rows, units * kept), (down, along if kept > 1 else beside), start, units, heard)
    if units == 1:
        return _Part((rows, kept), (down, along), start, units, heard)
    return _Part((rows, units, kept), (down, beside, along), start, units, heard)


def _loudest(heard: Tensor, activation: str) -> Tensor:
    """The largest magnitude of each unit in (samples, units, positions)."""
    if heard.shape[2] > 1 and heard.stride(2) == 1:  # over both axes at once it takes three times as long where positions are few
        most, least = heard.amax(2).amax(0), None if activation in POSITIVE else heard.amin(2).amin(0)
    else:
        most, least = heard.amax((0, 2)), None if activation in POSITIVE else heard.amin((0, 2))
    return most if least is None else torch.maximum(most, -least)


def gather(readings: Sequence[Reading], columns: Columns) -> Arriving:
    """What is to be sent besides the samples, and what is made of it all."""
    places = [columns.add(reading.sample) for reading in readings]
    single = [(which, at, value) for at, reading in enumerate(readings)
              for which, value in enumerate((reading.saturated, reading.entropy)) if value is not None]  # fmt: skip
    return Arriving([value for *_, value in single], _Arrange(tuple(places), tuple([(which, at) for which, at, _ in single])), places)


class _Arrange(NamedTuple):
    """Makes quantities of the outputs' samples, and of the numbers that only some layers have."""

    places: tuple[int, ...]  # numbers of the samples
    owners: tuple[tuple[int, int], ...]  # of each number: 0 for a saturated share, 1 for an entropy, and of which place

    def __call__(self, arrays: Sequence[Floats], summary: Summary) -> Quantities:
        places = list(self.places)
        low, high = summary.low[..., places], summary.high[..., places]
        rare = np.full((2, *low.shape), math.nan, np.float32)
        for (which, at), array in zip(self.owners, arrays, strict=True):
            rare[which, ..., at] = array[..., 0]
        saturated, entropy = rare
        spreads = [summary.unit_std[at][..., :UNITS] for at in places]
        found: dict[str, Floats | Ragged] = {
            "output_mean": summary.mean[..., places],
            "output_std": summary.std[..., places],
            "output_min": low,
            "output_max": high,
            "output_max_abs": np.maximum(high, -low),
            "zero_share": np.where(np.isnan(low), low, summary.zeros[..., places]),  # no share of an output without elements
            "saturated_share": saturated,
            "softmax_entropy": entropy,
            "batch_std": summary.across[..., places],
            "unit_std": Ragged(np.concatenate(spreads, -1), [spread.shape[-1] for spread in spreads]),
        }
        if summary.histogram is not None:
            histograms = summary.histogram[..., places, :]
            found["output_histogram"] = Ragged(histograms.reshape(*low.shape[:-1], -1), [BINS] * len(places))
        return found


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
    gather=gather,
)
def outputs(
    tensors: Sequence[Tensor], activations: Sequence[str | None], channels_first: Sequence[bool], axes: Sequence[int]
) -> dict[str, list[Tensor]]:
    """Statistics of each layer's output.

    Args:
        tensors: outputs, batch first, any float dtype; of large ones a part is read, evenly spread over samples and positions.
        activations: the activation that made each output ("tanh"), or None.
        channels_first: whether axis 1 of each output is the channel.
        axes: the axis a softmax runs over.

    Returns:
        One 0-dim float32 tensor a layer and quantity; `unit_std` (units ≤ 256) and `output_histogram` (32 bins between
        minimum and maximum, of at most 2048 elements) are vectors. `batch_std` is the root mean square over units of the
        standard deviation across the batch: zero when the output does not depend on the input.
    """
    return at_once(gather, [measure(*one) for one in zip(tensors, activations, channels_first, axes, strict=True)])


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

