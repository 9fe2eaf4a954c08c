"""Samples of many tensors side by side, as one matrix: what is asked of all of them is one operation of the device, not one
each, and the rest of the arithmetic is the host's, on what has arrived there."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate, islice
from math import gcd
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float32]

BINS, BINNED = 32, 2048  # bins of a histogram and elements sorted into them: a bin's share has a standard error below 1.1 %
PLANS = 64  # layouts that are known again


class Sample(NamedTuple):
    """Elements of one tensor, and what was read of more of it than these."""

    values: Tensor  # (rows, units x positions), float32: rows are samples, the positions of a unit lie side by side
    units: int
    loudest: Tensor | None = None  # (units,): largest magnitudes in more than the sample


class Summary(NamedTuple):
    """Of each sample, in the order in which they were added: (…, samples), where … are the snapshots that have arrived together."""

    mean: Floats
    std: Floats
    low: Floats
    high: Floats
    zeros: Floats  # share
    across: Floats  # root mean square over the columns of the standard deviation over the rows; NaN where there is one row
    unit_std: list[Floats]  # of each sample (…, units): the same of each unit
    loudest: list[Floats]  # (…, units): largest magnitude of each unit
    histogram: Floats | None  # (…, samples, BINS): counts in equal bins from the lowest to the highest; None where it is not wanted


class _Plan:
    """Which sample and which unit each column belongs to, for samples of the same number of rows; built once for a layout."""

    def __init__(self, rows: int, shapes: Sequence[tuple[int, int]], device: torch.device) -> None:
        columns = [count for count, _ in shapes]
        starts = [0, *accumulate(columns)]
        self.columns = np.array(columns, np.intp)
        self.starts = np.array(starts[:-1], np.intp)
        self.sizes = (rows * self.columns).astype(np.float64)
        self.units = [0, *accumulate(units for _, units in shapes)]
        each = [count // units for count, units in shapes]
        self.unit_starts = np.concatenate([
            np.arange(start, start + count, step) for start, count, step in zip(starts, columns, each, strict=False)
        ])  # fmt: skip
        self.each = np.repeat(rows * np.array(each, np.float64), [units for _, units in shapes])
        counts, picks = [], []
        for start, count in zip(starts, columns, strict=False):
            number, stride = _even(rows, count)
            chosen = torch.arange(number, device=device, dtype=torch.int64).mul_(stride)
            picks.append(chosen.div(count, rounding_mode="floor").mul_(starts[-1]).add_(chosen.remainder(count)).add_(start))
            counts.append(number)
        self.pick = torch.cat(picks)  # the elements for the histograms
        self.picked = np.repeat(np.arange(len(shapes)), counts)  # whose they are
        self.first_bins = self.picked * BINS
        self.rows, self.width = rows, starts[-1]
        self.matrices: tuple[Tensor, ...] | None = None  # room for the samples and for what is computed of them


class Layouts:
    """Layouts that are known from snapshots before, and the memory for them: taken anew in each step it is paid for page by page."""

    def __init__(self) -> None:
        self._plans: dict[tuple[int, tuple[tuple[int, int], ...], torch.device], _Plan] = {}
        self._memory: dict[torch.device, Tensor] = {}  # as much as the largest needs

    def plan(self, samples: Sequence[Sample]) -> _Plan:
        """The plan for these samples."""
        values = samples[0].values
        key = values.shape[0], tuple([(sample.values.shape[1], sample.units) for sample in samples]), values.device
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= PLANS:
                self._plans.clear()
            plan = self._plans[key] = _Plan(*key)
        return plan

    def matrices(self, plan: _Plan, device: torch.device) -> tuple[Tensor, ...]:
        """Two matrices as large as the samples of a plan; the next plan's are the same memory."""
        if plan.matrices is None:
            size = 2 * plan.rows * plan.width
            memory = self._memory.get(device)
            if memory is None or memory.numel() < size:
                memory = self._memory[device] = torch.empty(size, dtype=torch.float32, device=device)
                for other in self._plans.values():
                    other.matrices = None
            plan.matrices = memory[:size].view(2, plan.rows, plan.width).unbind()
        return plan.matrices


def _even(rows: int, columns: int) -> tuple[int, int]:
    """How many elements of a sample to sort, and how far they lie apart: a distance that comes past every column."""
    size = rows * columns
    if size <= BINNED:
        return size, 1
    wanted = size // BINNED
    near = [stride for stride in range(max(1, wanted // 2), 2 * wanted + 1) if gcd(stride, columns) == 1]
    stride = min(near, key=lambda stride: abs(stride - wanted), default=wanted)
    return size // stride, stride


class Columns:
    """The samples of one snapshot: `add` each, send what `gather` gives, and give `arrange` what has arrived."""

    def __init__(self, layouts: Layouts | None = None, histograms: bool = True) -> None:
        self.layouts = Layouts() if layouts is None else layouts
        self.histograms = histograms
        self.groups: dict[tuple[int, torch.device], list[int]] = {}
        self.samples: list[Sample] = []
        self.plans: list[_Plan] = []
        self.beyond: list[int] = []  # samples of which more was heard

    def add(self, sample: Sample) -> int:
        """Adds a sample; its number."""
        at = len(self.samples)
        self.samples.append(sample)
        self.groups.setdefault((sample.values.shape[0], sample.values.device), []).append(at)
        return at

    def gather(self) -> list[Tensor]:
        """What is to be sent, on the samples' devices."""
        found: list[Tensor] = []
        for members in self.groups.values():
            own = [self.samples[at] for at in members]
            plan = self.layouts.plan(own)
            self.plans.append(plan)
            matrix, other = self.layouts.matrices(plan, own[0].values.device)
            torch.cat([sample.values for sample in own], 1, out=matrix)
            total = matrix.sum(0)
            torch.sign(matrix, out=other)  # `count_nonzero` branches on every element: after a ReLU it takes ten times as long
            found += (total, matrix.amax(0), matrix.amin(0), other.square_().sum(0))
            found.append(torch.sub(matrix, total, alpha=1 / matrix.shape[0], out=other).square_().sum(0))
            if self.histograms:
                found.append(matrix.view(-1).index_select(0, plan.pick))
        self.beyond = [at for at, sample in enumerate(self.samples) if sample.loudest is not None]
        found += [sample.loudest for sample in self.samples if sample.loudest is not None]
        self.samples = []
        return found

    def arrangement(self) -> Arrangement:
        """Which samples lie where in what `gather` gave."""
        groups = zip(self.plans, self.groups.values(), strict=True)
        return Arrangement(tuple([(plan, tuple(members)) for plan, members in groups]), tuple(self.beyond), self.histograms)

    def arrange(self, arrays: Sequence[Floats]) -> Summary:
        """What has arrived of that, in the same order, as one summary of each sample."""
        return self.arrangement().arrange(arrays)


class Arrangement(NamedTuple):
    """What the host must know of the samples of a snapshot; of many snapshots it is the same."""

    groups: tuple[tuple[_Plan, tuple[int, ...]], ...]  # samples of the same number of rows, by their numbers
    beyond: tuple[int, ...]  # samples of which more was heard
    histograms: bool

    @property
    def arrays(self) -> int:
        """How many vectors are sent."""
        return (6 if self.histograms else 5) * len(self.groups) + len(self.beyond)

    def arrange(self, arrays: Sequence[Floats]) -> Summary:
        """What has arrived of them: vectors (…, numbers), where … are snapshots."""
        rest, count, lead = iter(arrays), sum([len(members) for _, members in self.groups]), arrays[0].shape[:-1] if arrays else ()
        mean, std, low, high, zeros, across = np.empty((6, *lead, count), np.float32)
        histogram = np.empty((*lead, count, BINS), np.float32) if self.histograms else None
        unit_std, loudest = [_NOTHING] * count, [_NOTHING] * count
        with np.errstate(all="ignore"):
            for plan, numbers in self.groups:
                members, rows = list(numbers), plan.rows
                total, peak, least, filled, squares = islice(rest, 5)
                sums = np.add.reduceat(total, plan.starts, -1, np.float64)
                within = np.add.reduceat(squares, plan.starts, -1, np.float64)
                apart = total - np.repeat(sums / plan.columns, plan.columns, -1)
                between = np.add.reduceat(apart * apart, plan.starts, -1) / rows
                mean[..., members] = sums / plan.sizes
                std[..., members] = np.sqrt((within + between) / plan.sizes)
                low[..., members] = np.minimum.reduceat(least, plan.starts, -1)
                high[..., members] = np.maximum.reduceat(peak, plan.starts, -1)
                zeros[..., members] = 1 - np.add.reduceat(filled, plan.starts, -1, np.float64) / plan.sizes
                across[..., members] = np.sqrt(within / plan.sizes) if rows > 1 else math.nan
                spreads = np.sqrt(np.add.reduceat(squares, plan.unit_starts, -1) / plan.each).astype(np.float32)
                if rows == 1:
                    spreads[:] = math.nan
                peaks = np.maximum.reduceat(np.maximum(peak, -least), plan.unit_starts, -1)
                for at, start, end in zip(members, plan.units, plan.units[1:], strict=False):
                    unit_std[at], loudest[at] = spreads[..., start:end], peaks[..., start:end]
                if histogram is not None:
                    histogram[..., members, :] = _histograms(next(rest), low[..., members], high[..., members], plan)
            for at, peaks in zip(self.beyond, rest, strict=True):
                loudest[at] = np.maximum(loudest[at], peaks)
        return Summary(mean, std, low, high, zeros, across, unit_std, loudest, histogram)


_NOTHING: Floats = np.empty(0, np.float32)


def _histograms(some: Floats, low: Floats, high: Floats, plan: _Plan) -> Floats:
    """Counts in equal bins, (…, samples, BINS). What is no number goes into the first bin, what is infinite into the last."""
    places = some - low.take(plan.picked, -1)
    places /= (high - low).take(plan.picked, -1)
    places *= BINS
    bins = np.minimum(np.fmax(places, 0, out=places), BINS - 1, out=places).astype(np.intp)
    bins += plan.first_bins
    bins.reshape(-1, bins.shape[-1])[:] += np.arange(0, low.size * BINS, low.shape[-1] * BINS)[:, None]  # each snapshot has its own
    return np.bincount(bins.reshape(-1), minlength=low.size * BINS).reshape(*low.shape, BINS).astype(np.float32)
