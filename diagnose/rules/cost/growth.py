"""Whether a series rises steadily, apart from what it does at the start."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from diagnose.run import Floats, Series


@dataclass(frozen=True)
class Growth:
    """A steady rise: level at its start and end, over which steps."""

    start: float
    end: float
    steps: tuple[int, int]

    @property
    def gained(self) -> float:
        """By how much it rose."""
        return self.end - self.start

    @property
    def per_step(self) -> float:
        """By how much it rose in one step."""
        return self.gained / max(self.steps[1] - self.steps[0], 1)


def growth(series: Series, *, least: int, skip: float = 1 / 3, rank: float = 0.9) -> Growth | None:
    """The rise of a series after the first `skip` part of its steps; None unless it is steady.

    Steady: Spearman's rank correlation with the steps is above `rank` over at least `least` values, and the last
    third rises as well, so that a level that was reached and kept is no growth.
    """
    seen = series.finite()
    if not len(seen):
        return None
    kept = seen.steps >= seen.steps[0] + skip * (seen.steps[-1] - seen.steps[0])  # the start is looked at more densely
    seen = type(seen)(seen.quantity, seen.place, seen.steps[kept], seen.values[kept])
    if len(seen) < least or np.ptp(seen.values) == 0 or _spearman(seen.values) < rank:
        return None
    third = len(seen) // 3
    begin, before, end = (
        float(np.median(part)) for part in (seen.values[:third], seen.values[-2 * third : -third], seen.values[-third:])
    )
    if end - before < 0.1 * (end - begin):
        return None
    return Growth(begin, end, (int(seen.steps[0]), int(seen.steps[-1])))


def _spearman(values: Floats) -> float:
    """Rank correlation with the order; ties get their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float(np.corrcoef(ranks, np.arange(len(values)))[0, 1])
