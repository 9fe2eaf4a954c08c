"""Which samples a rank has trained on, and whether another rank trained on the same."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.record.columns import Clock
from diagnose.run import Steps

_GOLDEN = np.int64(-7046029254386353131)  # 2^64 / φ as a signed number: neighbouring steps come to lie far apart


@dataclass(frozen=True)
class Samples:
    """Hashes of the training samples of one rank, and the step that used each."""

    steps: Steps
    hashes: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.hashes)

    def before(self, step: int | None) -> Samples:
        """Those used before a step."""
        if step is None:
            return self
        return Samples(self.steps[self.steps < step], self.hashes[self.steps < step])

    def by_step(self) -> NDArray[np.int64]:
        """One number a sample, equal only for the same sample at the same step (but for one chance in 2^64)."""
        with np.errstate(over="ignore"):
            return self.hashes ^ (self.steps * _GOLDEN)


def read_samples(connection: sqlite3.Connection, streams: Sequence[int], clock: Clock) -> Samples:
    """The training samples of these streams; none where the record does not tell their steps."""
    columns = [row[1] for row in connection.execute("PRAGMA table_info(hashes)")]
    if "tick" not in columns or not len(clock):
        return Samples(np.empty(0, np.int64), np.empty(0, np.int64))
    marks = ", ".join("?" * len(streams))
    rows = connection.execute(
        "SELECT tick, data FROM hashes WHERE set_id = 'train' AND tick IS NOT NULL "
        f"AND stream IN ({marks}) ORDER BY rowid",
        tuple(streams),
    ).fetchall()
    ticks = np.repeat(np.array([tick for tick, _ in rows], np.int64), [len(data) // 8 for _, data in rows])
    return Samples(clock.steps(ticks), np.frombuffer(b"".join(data for _, data in rows), "<i8"))


def same_as_before(samples: Samples) -> float | None:
    """Share of steps on the very samples of the step before; None where fewer than 20 follow on another whose samples are known."""
    if not len(samples):
        return None
    order = np.argsort(samples.steps, kind="stable")
    steps, starts = np.unique(samples.steps[order], return_index=True)
    sums = np.add.reduceat(samples.hashes[order], starts)  # in whatever order they came
    follows = np.diff(steps) == 1
    return float(np.mean(np.diff(sums)[follows] == 0)) if follows.sum() >= 20 else None


def coverage(samples: Samples, steps: int) -> float:
    """Share of all different training samples of a training of so many `steps` that are known.

    All, where those of nine steps in ten are. Else those of the later half (of the known ones, where so late few are) tell how
    many of them the earlier ones hold; where fewer than three are met again, no sample was used twice as far as is known.
    (Own choices: 30 samples and 3 meetings are the least that tell a share at all.)
    """
    if not len(samples):
        return 0.0
    drawn = steps * len(samples) / len(np.unique(samples.steps))
    if len(samples) >= 0.9 * drawn:
        return 1.0
    late = samples.steps >= steps / 2
    if late.sum() < 30:
        late = samples.steps > np.median(samples.steps)
    early, known = np.unique(samples.hashes[~late]), len(np.unique(samples.hashes))
    met = np.isin(samples.hashes[late], early)
    if met.sum() < 3 or not len(early):
        return min(1.0, known / drawn)
    return min(1.0, float(met.mean()) * known / len(early))


def split_anew(trained_on: Samples, passes: Sequence[tuple[int, NDArray[np.int64]]]) -> bool:
    """Whether what was held out is trained on later, and what was trained on is held out.

    Args:
        trained_on: the training samples.
        passes: the step before which each pass over the evaluation set took place, and the hashes of its samples.

    Returns:
        True where the first pass after half of all training samples had been used holds hardly any of them (a tenth), the
        last one mostly such (half): neither the training data, of which most would be known by then, nor data held out.
        (Own choices: a split of five to two that was drawn anew had 0 and 1, a single split has 0 in both.)
    """
    order = np.argsort(trained_on.steps, kind="stable")
    different, at = np.unique(trained_on.hashes[order], return_index=True)
    first = trained_on.steps[order][at]  # the step that used each for the first time
    if not len(different):
        return False
    half = np.sort(first)[(len(first) - 1) // 2]
    later = [(step, hashes) for step, hashes in passes if len(hashes) and step > half]

    def known(step: int, hashes: NDArray[np.int64]) -> float:
        return float(np.isin(hashes, different[first < step]).mean())

    return len(later) > 1 and known(*later[0]) <= 0.1 and known(*later[-1]) >= 0.5


def seen_again(samples: Samples, steps: int) -> float | None:
    """Share of all training samples of a training of so many `steps` that had been used before.

    Not every step's samples are known: a sample that was used before is met again as often as the steps before are known, so
    each quarter's share is divided by that. None where a quarter of the later half would show fewer than three of them, or
    fewer than a hundred samples are known.
    """
    if len(samples) < 100:
        return None
    order = np.argsort(samples.steps, kind="stable")
    at, hashes = samples.steps[order], samples.hashes[order]
    met = np.ones(len(hashes), bool)
    met[np.unique(hashes, return_index=True)[1]] = False
    size = len(at) / len(np.unique(at))
    known = np.minimum(1.0, np.searchsorted(at, at) / np.maximum(at * size, 1.0))  # of the samples before each
    shares = []
    for quarter in range(4):
        mine = (4 * at) // steps == quarter
        if known[mine].sum() >= 3:
            shares.append(min(1.0, float(met[mine].sum() / known[mine].sum())))
        elif quarter >= 2:
            return None
    return float(np.mean(shares))


def repeats(ranks: Mapping[int, Samples], epochs: Sequence[int]) -> dict[str, Any] | None:
    """How much of what one rank trains on another rank trains on too; None where that is not known.

    Args:
        ranks: the samples of each rank.
        epochs: the first step of each epoch, where epochs are known.

    Returns:
        `step`: the largest share, over ranks, of its samples that another rank had at the very same step; `epoch`: the
        same within the first epoch (None where epochs are unknown); `own`: the largest share of a rank's samples in that
        span that it met before by itself, `own_step` within a single step; `samples`: how many were looked at.
    """
    known = {rank: one for rank, one in ranks.items() if len(one)}
    if len(known) < 2:
        return None
    last = min(int(one.steps[-1]) for one in known.values()) + 1  # the records may end at different steps
    same = {rank: one.before(last) for rank, one in known.items()}
    steps = {rank: one.by_step() for rank, one in same.items()}
    end = epochs[1] if len(epochs) > 1 else None
    first = {rank: one.before(end).hashes for rank, one in same.items()}
    return {
        "step": _shared(steps),
        "own_step": max(map(_repeated, steps.values())),
        "epoch": _shared(first) if epochs else None,
        "own": max(map(_repeated, first.values())),
        "samples": min(map(len, steps.values())),
    }


def _shared(numbers: Mapping[int, NDArray[np.int64]]) -> float:
    shares = [0.0]
    for rank, own in numbers.items():
        others = np.concatenate([other for number, other in numbers.items() if number != rank])
        if len(own):
            shares.append(float(np.isin(own, others).mean()))
    return max(shares)


def _repeated(numbers: NDArray[np.int64]) -> float:
    return 1.0 - len(np.unique(numbers)) / len(numbers) if len(numbers) else 0.0
