"""Reads the numbers: per-step columns and vectors become series on the steps of one training."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.run import Floats, Series, Steps

_NOT_QUANTITIES = ("tick", "stream", "epoch")
SeriesMap = dict[tuple[str, str | None], Series]


class Clock:
    """Ticks of the run to steps of one training, whose ticks are an interval of the run's.

    Not every tick has a row: where even the least record would cost too much, steps are only counted.
    """

    def __init__(self, ticks: Steps) -> None:
        self.first = int(ticks.min()) if len(ticks) else 0
        self.length = int(ticks.max()) - self.first + 1 if len(ticks) else 0

    def __len__(self) -> int:
        return self.length

    def steps(self, ticks: Sequence[int] | Steps) -> Steps:
        """The step of each tick; the first for what came before, the last for what came after."""
        found = np.asarray(ticks, np.int64) - self.first
        return np.clip(found, 0, max(0, self.length - 1)).astype(np.int64)

    def step(self, tick: int | None) -> int | None:
        """As `steps`, for one tick."""
        return None if tick is None or not self.length else int(self.steps([tick])[0])


class StepTable:
    """The table of steps as columns of numbers, in the order of ticks."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        cursor = connection.execute("SELECT * FROM steps ORDER BY tick, rowid")
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
        by_name: Mapping[str, Sequence[Any]] = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
        self.columns = {name: _numbers(values) for name, values in by_name.items()}
        self.lossless = np.array([value is None for value in by_name.get("loss", ())], bool)
        self.ticks = _whole(self.columns.get("tick", np.empty(0)))
        self.streams = _whole(self.columns.get("stream", np.empty(0)))

    def series(self, streams: Sequence[int], clock: Clock, units: Mapping[str, str | None]) -> SeriesMap:
        """One series a column for the steps of these streams; columns never measured are left out."""
        mine = np.isin(self.streams, streams)
        steps = clock.steps(self.ticks[mine])
        found: SeriesMap = {}
        for name, column in self.columns.items():
            values = column[mine]
            if name == "loss":  # NaN is a value here: steps without a loss are left out instead
                kept = ~self.lossless[mine]
                if kept.any():
                    found[name, None] = Series(name, None, steps[kept], values[kept], units.get(name))
                continue
            if name not in _NOT_QUANTITIES and not np.isnan(values).all():
                found[name, None] = Series(name, None, steps, values, units.get(name))
        if "optimizer" not in self.columns or np.isnan(self.columns["optimizer"][mine]).any():
            found["optimizer", None] = Series("optimizer", None, steps, self.streams[mine].astype(np.float64))
        return found

    def epochs(self, streams: Sequence[int], clock: Clock, dataset_size: int | None) -> tuple[int, ...]:
        """First step of each epoch: as recorded, else from the samples seen and the size of the data set."""
        mine = np.isin(self.streams, streams)
        numbers = self.columns.get("epoch", np.full(len(mine), np.nan))[mine]
        if not np.isnan(numbers).all():
            filled = numbers[~np.isnan(numbers)]
            steps = clock.steps(self.ticks[mine][~np.isnan(numbers)])
            first = np.concatenate([[True], np.diff(filled) != 0])
            return tuple(int(s) for s in steps[first])
        samples = self.columns.get("samples", np.full(len(mine), np.nan))[mine]
        if not dataset_size or len(set(streams)) > 1 or np.isnan(samples).any() or not len(samples):
            return ()
        batch = float(samples.max())
        if not 0 < batch <= dataset_size:
            return ()
        seen = np.concatenate([[0.0], np.cumsum(samples)[:-1]])
        whole = dataset_size if (np.cumsum(samples) == dataset_size).any() else dataset_size // batch * batch
        first = np.concatenate([[True], np.diff(seen // whole) > 0])
        return tuple(int(s) for s in clock.steps(self.ticks[mine])[first])


def read_vectors(
    connection: sqlite3.Connection,
    streams: Sequence[int],
    clock: Clock,
    units: Mapping[str, str | None],
    order: Mapping[str, int],
) -> SeriesMap:
    """Every vector quantity of these streams as one series a place, places in forward order.

    Raises:
        ValueError: a vector's length is not that of its layout.
    """
    layouts = {
        number: (json.loads(places), None if sizes is None else [int(s) for s in json.loads(sizes)])
        for number, places, sizes in connection.execute("SELECT id, places, sizes FROM layouts")
    }
    marks = ", ".join("?" * len(streams))
    rows = connection.execute(
        "SELECT quantity, layout, tick, data FROM vectors "
        f"WHERE stream IN ({marks}) ORDER BY quantity, layout, tick, rowid",
        tuple(streams),
    )
    blocks: dict[tuple[str, int], tuple[list[int], list[bytes]]] = {}
    for quantity, layout, tick, data in rows:
        ticks, parts = blocks.setdefault((quantity, layout), ([], []))
        ticks.append(tick)
        parts.append(data)
    pieces: dict[tuple[str, str], list[tuple[Steps, Floats]]] = {}
    ragged = {quantity for quantity, layout in blocks if layouts[layout][1] is not None}
    for (quantity, layout), (ticks, parts) in blocks.items():
        places, sizes = layouts[layout]
        for place, values in _split(quantity, places, sizes, parts, quantity in ragged):
            pieces.setdefault((quantity, place), []).append((clock.steps(ticks), values))
    quantities = list(dict.fromkeys(quantity for quantity, _ in pieces))
    rank = {name: i for i, name in enumerate(quantities)}
    keys = sorted(pieces, key=lambda key: (rank[key[0]], _position(key[1], order)))
    return {(q, p): Series(q, p, *_joined(pieces[q, p]), units.get(q)) for q, p in keys}


def _numbers(values: Sequence[Any]) -> Floats:
    try:
        return np.array(values, np.float64)  # None becomes NaN
    except (TypeError, ValueError):
        return np.array([v if isinstance(v, (int, float)) else np.nan for v in values], np.float64)


def _whole(values: Floats) -> Steps:
    if np.isnan(values).any():
        raise ValueError("a step without a number")
    return values.astype(np.int64)


def _position(place: str, order: Mapping[str, int]) -> tuple[int, int]:
    """Forward order; a later call of a module (`path#2`) comes right after the first."""
    if place in order:
        return order[place], 0
    name, _, call = place.rpartition("#")
    return order.get(name, len(order)), int(call) if call.isdigit() else 0


def _split(
    quantity: str, places: Sequence[str], sizes: Sequence[int] | None, parts: Sequence[bytes], ragged: bool
) -> list[tuple[str, Floats]]:
    """The values (snapshots,) of each place, or (snapshots, size) of a ragged one."""
    width = len(places) if sizes is None else sum(sizes)
    misfit = sizes is not None and (len(sizes) != len(places) or min(sizes, default=0) < 0)
    if misfit or any(len(data) != 4 * width for data in parts):
        raise ValueError(f"a vector of {quantity} does not fit its layout")
    table: NDArray[np.float64] = (
        np.frombuffer(b"".join(parts), "<f4").reshape(len(parts), width).astype(np.float64, order="F")
    )
    if sizes is None:
        return [(place, table[:, [i]] if ragged else table[:, i]) for i, place in enumerate(places)]
    ends = np.cumsum(sizes)
    return [(place, table[:, end - size : end]) for place, size, end in zip(places, sizes, ends, strict=True)]


def _joined(pieces: Sequence[tuple[Steps, Floats]]) -> tuple[Steps, Floats]:
    """Pieces of several layouts in the order of steps; of two at one step the later written stays."""
    if len(pieces) == 1:
        steps, values = pieces[0]
    else:
        steps = np.concatenate([s for s, _ in pieces])
        if pieces[0][1].ndim == 2:
            width = max(v.shape[1] for _, v in pieces)
            padded = [np.pad(v, ((0, 0), (0, width - v.shape[1])), constant_values=np.nan) for _, v in pieces]
            values = np.concatenate(padded)
        else:
            values = np.concatenate([v for _, v in pieces])
        order = np.argsort(steps, kind="stable")
        steps, values = steps[order], values[order]
    last = np.append(steps[1:] != steps[:-1], True) if len(steps) else np.empty(0, bool)
    return (steps, values) if last.all() else (steps[last], values[last])
