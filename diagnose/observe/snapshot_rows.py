"""A snapshot written down: all quantities of one step, sent to the host at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnose.observe.description import describe
from diagnose.observe.probes import Ragged
from diagnose.observe.probes.outputs import Reading
from diagnose.observe.shards import local
from diagnose.observe.streams import Stream

if TYPE_CHECKING:
    from diagnose.observe.session import Session
    from diagnose.record.writer import Writer

Floats = NDArray[np.float32]
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

    def __init__(self) -> None:
        self.scalars: list[Tensor] = []
        self.vectors: list[Tensor] = []
        self.plan: list[_Part] = []  # of the scalars
        self.rest: list[_Part] = []  # of the vectors

    def add(self, quantity: str, over: str, places: Iterable[str], values: Tensor | Ragged | Sequence[Tensor]) -> None:
        """Adds a quantity: a tensor (places,) or (places, numbers), or a tensor a place."""
        places = places if isinstance(places, list) else list(places)
        if isinstance(values, Ragged):
            self.rest.append(_Part(quantity, over, places, values.sizes))
            self.vectors.append(values.flat)
        elif isinstance(values, Tensor):
            self.rest.append(_Part(quantity, over, places, None if values.dim() == 1 else [values.shape[1]] * len(places)))
            self.vectors.append(values)
        elif all(value.dim() == 0 and value.dtype == torch.float32 for value in values):
            self.plan.append(_Part(quantity, over, places, None))
            self.scalars.extend(values)
        else:
            self.rest.append(_Part(quantity, over, places, [value.numel() for value in values]))
            self.vectors.extend(values)

    def opened(self, array: Floats) -> Iterable[tuple[str, str, list[str], list[int] | None, Floats]]:
        """Quantity, kind of places, places, sizes and numbers, from the vector as it arrived; one entry a place."""
        at, single = 0, set[int]()  # lists of places none of which comes twice
        for quantity, over, places, sizes in (*self.plan, *self.rest):
            width = len(places) if sizes is None else sum(sizes)
            values = array[at : at + width]
            at += width
            if len(places) == 1 or id(places) in single or len(set(places)) == len(places):
                single.add(id(places))
                yield quantity, over, places, sizes, values
            else:
                yield quantity, over, *_pooled(quantity, places, sizes, values)


def _pooled(
    quantity: str, places: list[str], sizes: list[int] | None, values: Floats
) -> tuple[list[str], list[int] | None, Floats]:
    """Several calls of one place as one: extremes of extremes, sums of counts, norms of norms, means of the rest."""
    calls: dict[str, list[Floats]] = {}
    ends = np.cumsum(sizes if sizes is not None else np.ones(len(places), int))
    for place, start, end in zip(places, [0, *ends], ends, strict=False):
        calls.setdefault(place, []).append(values[start:end])
    found = [_as_one(quantity, own) for own in calls.values()]
    return list(calls), None if sizes is None else [len(one) for one in found], np.concatenate(found)


def _as_one(quantity: str, calls: list[Floats]) -> Floats:
    if len(calls) == 1 or any(call.shape != calls[0].shape for call in calls):
        return calls[-1]
    stacked = np.stack(calls)
    if quantity.endswith("_min"):
        return np.asarray(stacked.min(0))
    if quantity.endswith(_LARGEST):
        return np.asarray(stacked.max(0))
    if quantity == "output_gradient_norm":
        return np.asarray(np.sqrt(np.square(stacked).sum(0)))
    return np.asarray(stacked.sum(0) if quantity in _SUMS else stacked.mean(0))


def write_snapshot(session: Session, stream: Stream) -> None:
    """All quantities of a stream at this step."""
    parcel = _Parcel()
    after = {id(p): local(p) for p in stream.parameters()}
    moved = [
        (key, old, new) for key, old in stream.before.items() if (new := after.get(key)) is not None and new.shape == old.shape
    ]
    weights = session.read("weights", [m[1] for m in moved], [m[2] for m in moved]) if moved else None
    named = {id(p): stream.path(p) for p in stream.parameters()}
    paths = [named[key] for key, _, _ in moved]
    for name, values in (weights or {}).items():
        parcel.add(name, "parameters", paths, values)
    for name, by_path in stream.gradients.items():
        parcel.add(name, "parameters", list(by_path), list(by_path.values()))
    modes = _add_layers(session, stream, parcel.add)
    for site, statistics in session.snapshot.loss_records.items():
        calls = [site] * len(statistics)  # one list, so that its layout is looked for once
        for name in statistics[0]:
            parcel.add(name, "losses", calls, [s[name] for s in statistics])
    mine = {n.name for n in stream.networks}
    for site, (answer, item) in session.snapshot.input_records.items():
        if not mine or item["network"].split(".")[0] in mine:
            session.writer.items(stream.index, "input", [item])
            place = [site]
            for name, value in answer.items():
                parcel.add(name, "inputs", place, [value])
    tick, index, writer = session.tick, stream.index, session.writer
    known = (("gradient_present", "parameters", dict(stream.present)), ("layer_training", "layers", modes))

    def write(array: Floats) -> None:
        rows = []
        layouts: dict[tuple[str, int], tuple[int, list[str]]] = {}  # many quantities share one list of places
        for quantity, over, places, sizes, values in parcel.opened(array):
            if sizes is not None or (over, id(places)) not in layouts:
                layout = writer.layout(over, places, sizes)
                if sizes is None:
                    layouts[over, id(places)] = layout, places
            else:
                layout = layouts[over, id(places)][0]
            rows.append((quantity, layout, values.tobytes()))
            if quantity == "gradient_norm":
                session.nonfinite.gradients(places, values)
        for quantity, over, numbers in known:
            if numbers:
                data = np.array(list(numbers.values()), np.float32).tobytes()
                rows.append((quantity, writer.layout(over, list(numbers)), data))
        writer.vectors(tick, index, rows)

    with torch.no_grad():
        session.transfer.send([*parcel.scalars, *parcel.vectors], write)
    describe(session, stream)
    stream.due, stream.before, stream.gradients, stream.present = False, {}, {}, {}
    session.snapshot.forget_readings()


def _add_layers(session: Session, stream: Stream, add: Callable[..., None]) -> dict[str, float]:
    """Adds what was read of the layers; returns the share of their calls in training mode."""
    records = [one for network in stream.networks for one in session.snapshot.records_of(network)]
    read = [(place, record.reading) for place, record in records if record.reading is not None]
    if read:
        combined = session.read("outputs", [reading for _, reading in read], part="combine")
        places = [place for place, _ in read]
        for name, values in (combined or {}).items():
            add(name, "layers", places, values)
        _add_units(session, read, add)
    more: dict[str, dict[int, Tensor]] = {}
    modes: dict[str, list[bool]] = {}
    for at, (place, record) in enumerate(records):
        for name, value in record.more.items():
            more.setdefault(name, {})[at] = value
        if record.training is not None:
            modes.setdefault(place, []).append(record.training)
    for name, by_record in more.items():
        add(name, "layers", [records[at][0] for at in by_record], list(by_record.values()))
    norms = [(place, norm) for place, record in records for norm in record.gradients]
    if norms:
        values = [norm if norm.dtype == torch.float32 else norm.to(torch.float32) for _, norm in norms]
        if session.row.scale is not None:
            values = [value / session.row.scale_tensor.to(value.device) for value in values]
        add("output_gradient_norm", "layers", [place for place, _ in norms], values)
    order = list(dict.fromkeys(place for place, _ in records))
    if order and order != stream.layer_order:
        stream.layer_order = _merged(stream.layer_order, order)
    return {place: sum(own) / len(own) for place, own in modes.items()}


def _add_units(session: Session, read: Sequence[tuple[str, Reading]], add: Callable[..., None]) -> None:
    """Adds how many units have been silent for long; a place that was called several times counts as its last call."""
    loudest = {place: reading.loudest for place, reading in read if reading.loudest is not None}
    if loudest:
        silent = session.snapshot.silent
        answer = session.read("units", list(loudest.values()), [silent.get(place) for place in loudest], part="combine")
        if answer is not None:
            silent.update(zip(loudest, answer["silent"], strict=True))
            add("dead_share", "layers", loudest, answer["dead_share"])


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
