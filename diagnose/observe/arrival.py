"""Snapshots that have arrived on the host, as rows of the run.

Many come at a time, and most are of one form: what is made of their numbers is computed for all at once. Of a small network it is
the calls that cost, not the numbers: one by one a snapshot of the MLP took 300 µs of this thread, in batches it takes 120.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from diagnose.observe.parcel import Form
from diagnose.observe.probes import Ragged, all_probes
from diagnose.observe.probes.columns import Floats, Summary
from diagnose.record.writer import vector_row

if TYPE_CHECKING:
    from diagnose.observe.session import Session

TOGETHER = 2**22  # bytes of snapshots that are arranged together: a step of a large network has as many by itself
_LARGEST, _SUMS = ("_max", "_max_abs", "_error"), ("class_count", "class_right", "output_histogram")
Row = tuple[Any, ...]
Opened = tuple[str, str, Sequence[str], Sequence[int] | None, Floats]  # quantity, kind of places, places, sizes, numbers


class Arrived(NamedTuple):
    """One snapshot."""

    session: Session
    form: Form
    tick: int
    numbers: Floats
    present: Sequence[Sequence[float]]  # the numbers of `form.present`


def rows(arrived: Sequence[Arrived]) -> Iterator[Row]:
    """The rows of all of them."""
    size, together = 0, list[Arrived]()
    for one in arrived:
        if together and size + one.numbers.nbytes > TOGETHER:
            yield from _rows(together)
            size, together = 0, []
        size += one.numbers.nbytes
        together.append(one)
    yield from _rows(together)


def _rows(arrived: Sequence[Arrived]) -> Iterator[Row]:
    forms: dict[Form, list[int]] = {}
    for at, one in enumerate(arrived):
        forms.setdefault(one.form, []).append(at)
    heard: dict[int, list[Floats]] = {}  # by snapshot: the largest magnitude of each unit of the layers that can be silent
    for form, members in forms.items():
        summary = yield from _of_form(form, [arrived[at] for at in members])
        if form.units is not None and summary is not None:
            for own, at in enumerate(members):
                heard[at] = [summary.loudest[sample][own] for sample in form.units.samples]
    for at in sorted(heard):  # in the order of the steps: what counts is for how long a unit has been silent
        yield from _silence(arrived[at], heard[at])


def _of_form(form: Form, arrived: Sequence[Arrived]) -> Generator[Row, None, Summary | None]:
    """The rows of snapshots of one form; returns the summary of their samples, where there are any."""
    writer, ticks = arrived[0].session.writer, [one.tick for one in arrived]
    opened = _opened(form, arrived)
    while True:
        try:
            quantity, over, places, sizes, values = next(opened)
        except StopIteration as end:
            found: Summary | None = end.value
            return found
        layout, data = writer.layout(over, places, sizes), values.tobytes()
        width = len(data) // len(ticks)
        for at, tick in enumerate(ticks):
            yield vector_row(tick, form.stream, quantity, layout, data[at * width : (at + 1) * width])


def _opened(form: Form, arrived: Sequence[Arrived]) -> Generator[Opened, None, Summary | None]:
    """All quantities, of all snapshots at once: numbers are (snapshots, numbers); one entry a place."""
    session, lists = arrived[0].session, dict[tuple[str, ...], _Calls]()
    numbers = np.stack([one.numbers for one in arrived])

    def entry(quantity: str, over: str, places: tuple[str, ...], sizes: Sequence[int] | None, values: Floats) -> Opened:
        calls = lists.get(places) or lists.setdefault(places, _Calls(places))
        return quantity, over, calls.places, *calls.pooled(quantity, sizes, values)

    at = 0
    for part in form.parts:
        width = len(part.places) if part.sizes is None else sum(part.sizes)
        yield entry(*part, numbers[:, at : at + width])
        at += width
    for which, part in enumerate(form.present):
        yield entry(*part, np.array([one.present[which] for one in arrived], np.float32))
    if not form.awaited:
        return None
    ends = np.cumsum([at, *form.widths, *chain.from_iterable([one.sizes for one in form.awaited])]).tolist()
    vectors = iter([numbers[:, start:end] for start, end in pairwise(ends)])
    try:
        summary = form.samples.arrange(list(islice(vectors, len(form.widths))))
    except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
        session.failed("outputs", error)
        return None
    for awaited in form.awaited:
        given = list(islice(vectors, len(awaited.sizes)))
        try:
            with np.errstate(all="ignore"):  # infinite and missing numbers are numbers like any other here
                found = awaited.arrange(given, summary)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            session.failed(awaited.probe, error)
            continue
        for quantity, values in found.items():
            flat, sizes = values if isinstance(values, Ragged) else (values, None)
            yield entry(quantity, awaited.over, awaited.places, sizes, flat)
    return summary


def _silence(arrived: Arrived, loudest: Sequence[Floats]) -> Iterator[Row]:
    """How many units have been silent for long."""
    session, asked = arrived.session, arrived.form.units
    assert asked is not None
    states = session.snapshot.silent
    try:
        answer = all_probes()["units"](loudest, [states.get(place) for place in asked.places])
    except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
        session.failed("units", error)
        return
    states.update(zip(asked.places, answer["silent"], strict=True))
    layout = session.writer.layout("layers", asked.places)
    yield vector_row(arrived.tick, arrived.form.stream, "dead_share", layout, answer["dead_share"].tobytes())


class _Calls:
    """Where the same place stands several times in a list: several calls of one."""

    def __init__(self, places: Sequence[str]) -> None:
        numbers: dict[str, int] = {}
        owners = [numbers.setdefault(place, len(numbers)) for place in places]
        self.places = list(numbers)
        self.once = len(numbers) == len(places)
        if not self.once:
            self.order = np.argsort(owners, kind="stable")
            self.starts = np.flatnonzero(np.diff(np.array(owners)[self.order], prepend=-1))
            self.counts = np.diff(self.starts, append=len(places))

    def pooled(self, quantity: str, sizes: Sequence[int] | None, values: Floats) -> tuple[Sequence[int] | None, Floats]:
        """One entry a place: extremes of extremes, sums of counts, norms of norms, means of the rest."""
        if self.once:
            return sizes, values
        if sizes is None:
            return None, _reduced(quantity, values[:, self.order], self.starts, self.counts)
        ends = np.cumsum(sizes)
        calls = np.split(values, ends[:-1], -1)
        found = []
        for start, count in zip(self.starts, self.counts, strict=True):
            own = [calls[at] for at in self.order[start : start + count]]
            found.append(_as_one(quantity, own))
        return [one.shape[-1] for one in found], np.concatenate(found, -1)


def _reduced(quantity: str, values: Floats, starts: NDArray[np.intp], counts: NDArray[np.intp]) -> Floats:
    if quantity.endswith("_min"):
        return np.asarray(np.minimum.reduceat(values, starts, -1))
    if quantity.endswith(_LARGEST):
        return np.asarray(np.maximum.reduceat(values, starts, -1))
    if quantity == "output_gradient_norm":
        return np.asarray(np.sqrt(np.add.reduceat(np.square(values), starts, -1)))
    sums = np.add.reduceat(values, starts, -1)
    return np.asarray(sums if quantity in _SUMS else (sums / counts).astype(np.float32))


def _as_one(quantity: str, calls: list[Floats]) -> Floats:
    """Rows of numbers of one place."""
    if len(calls) == 1 or any(call.shape != calls[0].shape for call in calls):
        return calls[-1]
    rows = np.stack(calls)
    return np.asarray(rows.sum(0) if quantity in _SUMS else rows.mean(0))
