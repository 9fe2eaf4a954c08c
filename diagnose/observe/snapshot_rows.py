"""A snapshot written down: all quantities of one step, sent to the host at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, islice, pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnose.observe.description import describe
from diagnose.observe.probes import Arriving, Ragged, all_probes
from diagnose.observe.probes.columns import Columns, Floats, Summary
from diagnose.observe.probes.outputs import Reading
from diagnose.observe.shards import local
from diagnose.observe.streams import Stream
from diagnose.observe.torch_state import Untracked
from diagnose.record.writer import Writer, vector_rows

if TYPE_CHECKING:
    from diagnose.observe.session import Session

_LARGEST, _SUMS = ("_max", "_max_abs", "_error"), ("class_count", "output_histogram")


def declare(writer: Writer) -> None:
    """The quantities that no probe reads alone."""
    writer.quantity("training_loss", "losses", "loss")
    writer.quantity("gradient_present", "parameters", "share")
    writer.quantity("output_gradient_norm", "layers", "loss per output")
    writer.quantity("layer_training", "layers", "share")


class _Part(NamedTuple):
    """One quantity on its way: its places (one given twice: several calls in the step) and its numbers' layout in the vector."""

    quantity: str
    over: str
    places: list[str]
    sizes: list[int] | None  # elements of each place; None: one


class _Parcel:
    """All quantities of one step, as one vector on the device."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.columns = Columns(session.snapshot.layouts, histograms=not session.snapshot.brief)
        self._scalars: list[Tensor] = []
        self._vectors: list[Tensor] = []
        self._plan: list[_Part] = []  # of the scalars
        self._rest: list[_Part] = []  # of the vectors
        self._arriving: list[tuple[str, str, list[str], Arriving]] = []  # probe, over what, places
        self._samples: list[int] = []  # how many numbers each has of what is sent of the columns
        self._further: list[list[int]] = []  # and of what arrives besides
        self.gradients: tuple[int, list[str]] = 0, []  # where the norms of the gradients begin, and whose they are

    def add(self, quantity: str, over: str, places: Iterable[str], values: Sequence[Tensor]) -> None:
        """Adds a quantity: a tensor a place."""
        places = places if isinstance(places, list) else list(places)
        if quantity == "gradient_norm":
            self.gradients = len(self._scalars), places
        if not [value for value in values if value.dim() or value.dtype != torch.float32]:  # a list is cheaper than a generator
            self._plan.append(_Part(quantity, over, places, None))
            self._scalars.extend(values)
        else:
            self._rest.append(_Part(quantity, over, places, [value.numel() for value in values]))
            self._vectors.extend(values)

    def gather(self, probe: str, over: str, places: list[str], readings: Sequence[Any]) -> Arriving | None:
        """Adds what a probe has measured, one reading a place."""
        arriving: Arriving | None = self.session.read(probe, readings, self.columns, part="gather")
        if arriving is not None:
            self._arriving.append((probe, over, places, arriving))
        return arriving

    def expect(self, probe: str, over: str, places: list[str], arrange: Callable[..., Any]) -> None:
        """Adds what is made of the samples alone."""
        self._arriving.append((probe, over, places, Arriving([], arrange, [])))

    def tensors(self) -> list[Tensor]:
        """All that is to be sent; it is the receiver's from then on."""
        further = [one.tensors for *_, one in self._arriving]
        samples: list[Tensor] = []
        try:
            samples = self.columns.gather()
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.session.failed("outputs", error)
            self._arriving, further = [], []
        self._samples = [tensor.numel() for tensor in samples]
        self._further = [[tensor.numel() for tensor in own] for own in further]
        sent = [*self._scalars, *self._vectors, *samples, *chain.from_iterable(further)]
        self._scalars, self._vectors = [], []
        self._arriving = [(probe, over, places, one._replace(tensors=[])) for probe, over, places, one in self._arriving]
        return sent

    def opened(self, array: Floats) -> Iterator[tuple[str, str, list[str], list[int] | None, Floats]]:
        """Quantity, kind of places, places, sizes and numbers, from the vector as it arrived; one entry a place."""
        at, lists = 0, dict[int, _Calls]()
        for quantity, over, places, sizes in (*self._plan, *self._rest):
            width = len(places) if sizes is None else sum(sizes)
            calls = lists.get(id(places)) or lists.setdefault(id(places), _Calls(places))
            yield quantity, over, calls.places, *calls.pooled(quantity, sizes, array[at : at + width])
            at += width
        if not self._arriving:
            return
        ends = np.cumsum([at, *self._samples, *chain.from_iterable(self._further)]).tolist()
        arrays = [array[start:end] for start, end in pairwise(ends)]
        try:
            summary, rest = self.columns.arrange(arrays[: len(self._samples)]), iter(arrays[len(self._samples) :])
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.session.failed("outputs", error)
            return
        for (probe, over, places, arriving), own in zip(self._arriving, self._further, strict=True):
            given = list(islice(rest, len(own)))
            try:
                with np.errstate(all="ignore"):  # infinite and missing numbers are numbers like any other here
                    found = arriving.arrange(given, summary)
            except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
                self.session.failed(probe, error)
                continue
            calls = lists.get(id(places)) or lists.setdefault(id(places), _Calls(places))
            for quantity, values in found.items():
                flat, sizes = values if isinstance(values, Ragged) else (values, None)
                yield quantity, over, calls.places, *calls.pooled(quantity, sizes, flat)


class _Calls:
    """Where the same place stands several times in a list: several calls of one."""

    def __init__(self, places: list[str]) -> None:
        numbers: dict[str, int] = {}
        owners = [numbers.setdefault(place, len(numbers)) for place in places]
        self.places = list(numbers)
        self.once = len(numbers) == len(places)
        if not self.once:
            self.order = np.argsort(owners, kind="stable")
            self.starts = np.flatnonzero(np.diff(np.array(owners)[self.order], prepend=-1))
            self.counts = np.diff(self.starts, append=len(places))

    def pooled(self, quantity: str, sizes: list[int] | None, values: Floats) -> tuple[list[int] | None, Floats]:
        """One entry a place: extremes of extremes, sums of counts, norms of norms, means of the rest."""
        if self.once:
            return sizes, values
        if sizes is None:
            return None, _reduced(quantity, values[self.order], self.starts, self.counts)
        ends = np.cumsum(sizes)
        calls = np.split(values, ends[:-1])
        found = []
        for start, count in zip(self.starts, self.counts, strict=True):
            own = [calls[at] for at in self.order[start : start + count]]
            found.append(_as_one(quantity, own))
        return [len(one) for one in found], np.concatenate(found)


def _reduced(quantity: str, values: Floats, starts: NDArray[np.intp], counts: NDArray[np.intp]) -> Floats:
    if quantity.endswith("_min"):
        return np.asarray(np.minimum.reduceat(values, starts))
    if quantity.endswith(_LARGEST):
        return np.asarray(np.maximum.reduceat(values, starts))
    if quantity == "output_gradient_norm":
        return np.asarray(np.sqrt(np.add.reduceat(np.square(values), starts)))
    sums = np.add.reduceat(values, starts)
    return np.asarray(sums if quantity in _SUMS else (sums / counts).astype(np.float32))


def _as_one(quantity: str, calls: list[Floats]) -> Floats:
    """Rows of numbers of one place."""
    if len(calls) == 1 or any(call.shape != calls[0].shape for call in calls):
        return calls[-1]
    rows = np.concatenate(calls).reshape(len(calls), -1)
    return np.asarray(rows.sum(0) if quantity in _SUMS else rows.mean(0))


def write_snapshot(session: Session, stream: Stream) -> None:
    """All quantities of a stream at this step."""
    parcel = _Parcel(session)
    before, paths, old, new = stream.before, [], [], []
    known = stream.paths
    for parameter in stream.parameters():
        was, held = before.get(id(parameter)), local(parameter)
        if was is not None and held is not None and held.shape == was.shape:
            paths.append(known.get(id(parameter)) or stream.path(parameter))
            old.append(was)
            new.append(held)
    weights = session.read("weights", old, new, not session.snapshot.brief) if paths else None
    for name, values in (weights or {}).items():
        parcel.add(name, "parameters", paths, values)
    for name, by_path in stream.gradients.items():
        parcel.add(name, "parameters", list(by_path), list(by_path.values()))
    modes = _add_layers(session, stream, parcel)
    calls = [(site, reading) for site, readings in session.snapshot.loss_records.items() for reading in readings]
    if calls:
        parcel.gather("losses", "losses", [site for site, _ in calls], [reading for _, reading in calls])
    mine = {n.name for n in stream.networks}
    for site, (answer, item) in session.snapshot.input_records.items():
        if not mine or item["network"].split(".")[0] in mine:
            session.writer.items(stream.index, "input", [item])
            place = [site]
            for name, value in answer.items():
                parcel.add(name, "inputs", place, [value])
    tick, index, writer = session.tick, stream.index, session.writer
    present = (("gradient_present", "parameters", dict(stream.present)), ("layer_training", "layers", modes))

    def rows(array: Floats) -> list[tuple[Any, ...]]:
        found = []
        layouts: dict[tuple[str, int], tuple[int, list[str]]] = {}  # many quantities share one list of places
        for quantity, over, places, sizes, values in parcel.opened(array):
            if sizes is not None or (over, id(places)) not in layouts:
                layout = writer.layout(over, places, sizes)
                if sizes is None:
                    layouts[over, id(places)] = layout, places
            else:
                layout = layouts[over, id(places)][0]
            found.append((quantity, layout, values.tobytes()))
        for quantity, over, numbers in present:
            if numbers:
                data = np.array(list(numbers.values()), np.float32).tobytes()
                found.append((quantity, writer.layout(over, list(numbers)), data))
        return vector_rows(tick, index, found)

    def receive(array: Floats) -> None:
        start, paths = parcel.gradients
        session.nonfinite.gradients(paths, array[start : start + len(paths)])
        writer.later(lambda: rows(array), array.nbytes)

    with Untracked():
        session.transfer.send(parcel.tensors(), receive)
    describe(session, stream)
    stream.due, stream.before, stream.gradients, stream.present = False, {}, {}, {}
    session.snapshot.forget_readings()


def _add_layers(session: Session, stream: Stream, parcel: _Parcel) -> dict[str, float]:
    """Adds what was read of the layers; returns the share of their calls in training mode."""
    records = [one for network in stream.networks for one in session.snapshot.records_of(network)]
    read = [(place, record.reading) for place, record in records if record.reading is not None]
    if read:
        arriving = parcel.gather("outputs", "layers", [place for place, _ in read], [reading for _, reading in read])
        if arriving is not None:
            _add_units(session, read, arriving.samples, parcel)
    more: dict[str, dict[int, Tensor]] = {}
    modes: dict[str, list[bool]] = {}
    for at, (place, record) in enumerate(records):
        for name, value in record.more.items():
            more.setdefault(name, {})[at] = value
        if record.training is not None:
            modes.setdefault(place, []).append(record.training)
    for name, by_record in more.items():
        parcel.add(name, "layers", [records[at][0] for at in by_record], list(by_record.values()))
    norms = [(place, norm) for place, record in records for norm in record.gradients]
    if norms:
        values = [norm if norm.dtype == torch.float32 else norm.to(torch.float32) for _, norm in norms]
        if session.row.scale is not None:
            values = [value / session.row.scale_tensor.to(value.device) for value in values]
        parcel.add("output_gradient_norm", "layers", [place for place, _ in norms], values)
    order = list(dict.fromkeys(place for place, _ in records))
    if order and order != stream.layer_order:
        stream.layer_order = _merged(stream.layer_order, order)
    return {place: sum(own) / len(own) for place, own in modes.items()}


def _add_units(session: Session, read: Sequence[tuple[str, Reading]], samples: Sequence[int], parcel: _Parcel) -> None:
    """Adds how many units have been silent for long; a place that was called several times counts as its last call."""
    asked = {place: sample for (place, reading), sample in zip(read, samples, strict=True) if reading.silent}
    if not asked or session.safety.is_off("units"):
        return
    states = session.snapshot.silent

    def arrange(_: Sequence[Floats], summary: Summary) -> dict[str, Floats]:
        answer = all_probes()["units"]([summary.loudest[at] for at in asked.values()], [states.get(place) for place in asked])
        states.update(zip(asked, answer["silent"], strict=True))
        return {"dead_share": answer["dead_share"]}

    parcel.expect("units", "layers", list(asked), arrange)


def _merged(known: list[str], seen: list[str]) -> list[str]:
    """Known places with new ones put in behind their neighbour of this forward."""
    result = list(known)
    have = set(result)
    at = 0
    for place in seen:
        if place in have:
            at = result.index(place) + 1
        else:
            result.insert(at, place)
            have.add(place)
            at += 1
    return result
