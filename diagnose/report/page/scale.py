"""From values to places on a chart: axes, ticks, and series reduced to as many points as a screen has columns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from diagnose.run import Floats, Steps

COLUMNS = 600  # of a reduced series; each keeps its smallest and its largest value
DECADES_FOR_LOG = 2.0  # positive values that span more are unreadable on a linear axis


@dataclass(frozen=True)
class Axis:
    """A stretch of values; `log` compares by ratio. `share` is 0 at `low` and 1 at `high`."""

    low: float
    high: float
    log: bool = False

    def share(self, values: Floats) -> Floats:
        """Where values lie between `low` (0) and `high` (1)."""
        low, high = self._bounds()
        with np.errstate(divide="ignore", invalid="ignore"):
            told = np.log10(values) if self.log else np.asarray(values, float)
        return np.asarray((told - low) / ((high - low) or 1.0))

    def _bounds(self) -> tuple[float, float]:
        return (math.log10(self.low), math.log10(self.high)) if self.log else (self.low, self.high)

    def ticks(self, most: int = 5) -> list[float]:
        """Round values in between, about `most`, and at least two where the axis is no point."""
        if self.log:
            told = self._decades(most)
            if len(told) >= 2:
                return told
        span = self.high - self.low
        if not span > 0:
            return [self.low]
        for wished in (most, 2 * most, 4 * most):
            power = 10.0 ** math.floor(math.log10(span / wished))
            step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= span / wished * 0.999)
            first = math.ceil(self.low / step - 1e-9)
            last = math.floor(self.high / step + 1e-9)
            if last > first:
                break
        return [round(n * step, 12 - math.floor(math.log10(step))) + 0.0 for n in range(first, last + 1)]  # never -0

    def _decades(self, most: int) -> list[float]:
        """Powers of ten, and where those are few, 2 and 5 times them."""
        low, high = self._bounds()
        powers = range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1, max(1, math.ceil((high - low) / most)))
        if len(powers) >= min(3, most):
            return [float(10.0**power) for power in powers]
        every = [float(f"{digit}e{power}") for power in range(math.floor(low), math.floor(high) + 1) for digit in (1, 2, 5)]
        return [value for value in every if self.low * 0.999 <= value <= self.high * 1.001]


def axis_for(*values: Floats, include: tuple[float, ...] = (), log: bool | None = None) -> Axis | None:
    """An axis that holds all finite values, with a little room; None where there are none.

    Logarithmic where all are positive and span more than `DECADES_FOR_LOG` decades, unless `log` says otherwise.
    """
    parts = [np.asarray(part, float).ravel() for part in values]
    every = np.concatenate([*parts, np.asarray(include, float)]) if parts or include else np.empty(0)
    every = every[np.isfinite(every)]
    if not len(every):
        return None
    low, high = float(every.min()), float(every.max())
    if log is None:
        log = low > 0 and math.log10(high / low) > DECADES_FOR_LOG
    if log:
        room = max(0.05 * math.log10(high / low), 0.05)
        return Axis(max(low / 10**room, 5e-324), min(high * 10**room, 1.7e308), True)
    room = 0.06 * (high - low) or abs(high) * 0.1 or 1.0
    return Axis(0.0 if 0 <= low <= 0.35 * high else low - room, high + room)


def reduced(steps: Steps, values: Floats, columns: int = COLUMNS) -> tuple[Steps, Floats]:
    """A series of at most about `2 * columns` points that draws the same: in every column its extremes stay.

    A column that holds a gap (a value that is not finite) beside values keeps one such entry, so the gap stays seen.
    """
    if len(steps) <= 2 * columns:
        return steps, values
    edges = np.linspace(steps[0], steps[-1] + 1, columns + 1)
    starts = np.unique(np.searchsorted(steps, edges[:-1]))
    starts = starts[starts < len(steps)]
    finite = np.isfinite(values)
    lowest = np.where(finite, values, np.inf)
    highest = np.where(finite, values, -np.inf)
    keep: set[int] = set()
    for start, end in zip(starts, [*starts[1:], len(steps)], strict=True):
        keep.update((int(start + np.argmin(lowest[start:end])), int(start + np.argmax(highest[start:end]))))
        gaps = np.flatnonzero(~finite[start:end])
        if len(gaps):
            keep.add(int(start + gaps[0]))
    kept = np.array(sorted(keep))
    return steps[kept], values[kept]


def stepwise(steps: Steps, *values: Floats) -> tuple[Any, ...]:
    """The corners of lines that keep each value until the next step."""
    return np.repeat(steps, 2)[1:], *(np.repeat(one, 2)[:-1] for one in values)


def smoothed(values: Floats, window: int) -> Floats:
    """The moving mean over `window` entries, shorter at both ends; entries that are not finite are left out."""
    finite = np.isfinite(values)
    sums = np.concatenate([[0.0], np.cumsum(np.where(finite, values, 0.0))])
    counts = np.concatenate([[0], np.cumsum(finite)])
    at = np.arange(len(values))
    first, last = np.maximum(at - window // 2, 0), np.minimum(at + window // 2 + 1, len(values))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((sums[last] - sums[first]) / (counts[last] - counts[first]))
