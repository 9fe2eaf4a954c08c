"""A snapshot written down: all quantities of one step, sent to the host at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from diagnose.observe.arrival import Arrived, rows
from diagnose.observe.description import describe
from diagnose.observe.networks import Network, NoModule
from diagnose.observe.parcel import Parcel, Part, Units
from diagnose.observe.probes.columns import Floats
from diagnose.observe.shards import held
from diagnose.observe.streams import Stream
from diagnose.observe.torch_state import Untracked
from diagnose.record.writer import Writer

if TYPE_CHECKING:
    from diagnose.observe.session import Session


def declare(writer: Writer) -> None:
    """The quantities that no probe reads alone."""
    writer.quantity("training_loss", "losses", "loss")
    writer.quantity("gradient_present", "parameters", "share")
    writer.quantity("output_gradient_norm", "layers", "loss per output")
    writer.quantity("layer_training", "layers", "share")


def write_snapshot(session: Session, stream: Stream) -> None:
    """All quantities of a stream at this step."""
    parcel = Parcel(session)
    before, paths, old, new = stream.before, [], [], []
    known, parameters = stream.paths, stream.parameters()
    for parameter, piece in zip(parameters, held(parameters), strict=True):
        was = before.get(id(parameter))
        if was is not None and piece is not None and piece.shape == was.shape:
            paths.append(known.get(id(parameter)) or stream.path(parameter))
            old.append(was)
            new.append(piece)
    weights = session.read("weights", old, new, not session.snapshot.brief) if paths else None
    for name, values in (weights or {}).items():
        parcel.numbers(name, "parameters", paths, values)
    for name, by_path in stream.gradients.items():
        parcel.numbers(name, "parameters", by_path, list(by_path.values()))
    modes = _add_layers(session, stream, parcel)
    calls = [(site, reading) for site, readings in session.snapshot.loss_records.items() for reading in readings]
    if calls:
        parcel.gather("losses", "losses", tuple([site for site, _ in calls]), [reading for _, reading in calls])
    mine = {n.name for n in stream.networks}
    for site, (answer, item) in session.snapshot.input_records.items():
        if not mine or item["network"].split(".")[0] in mine:
            session.writer.items(stream.index, "input", [item])
            for name, value in answer.items():
                parcel.add(name, "inputs", (site,), [value])
    present = [(name, over, own) for name, over, own in (
        ("gradient_present", "parameters", stream.present), ("layer_training", "layers", modes),
    ) if own]  # fmt: skip
    parts = tuple([Part(name, over, tuple(own), None) for name, over, own in present])
    tick, writer = session.tick, session.writer

    with Untracked():
        tensors, numbers, form = parcel.close(stream.index, parts)
        start, of_gradients = parcel.gradients

        def receive(array: Floats) -> None:
            session.nonfinite.gradients(of_gradients, array[start : start + len(of_gradients)].tolist())
            one = Arrived(session, form, tick, array, [list(own.values()) for _, _, own in present])
            writer.later(rows, one, array.nbytes)

        session.transfer.send(tensors, receive, numbers)
    describe(session, stream)
    stream.due, stream.before, stream.gradients, stream.present = False, {}, {}, {}
    session.snapshot.forget_readings()


def _add_layers(session: Session, stream: Stream, parcel: Parcel) -> dict[str, float]:
    """Adds what was read of the layers; returns the share of their calls in training mode."""
    networks: list[Network | NoModule] = [*stream.networks, stream.no_module]
    records = [one for network in networks for one in session.snapshot.records_of(network)]
    read = [(place, record.reading) for place, record in records if record.reading is not None]
    if read:
        arriving = parcel.gather("outputs", "layers", tuple([place for place, _ in read]), [reading for _, reading in read])
        if arriving is not None and not session.safety.is_off("units"):
            # a place that was called several times counts as its last call
            asked = {place: sample for (place, reading), sample in zip(read, arriving.samples, strict=True) if reading.silent}
            parcel.units = Units(tuple(asked), tuple(asked.values())) if asked else None
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
        parcel.numbers("output_gradient_norm", "layers", [place for place, _ in norms], values)
    order = list(dict.fromkeys([place for place, _ in records]))
    if order and order != stream.layer_order:
        stream.layer_order = _merged(stream.layer_order, order)
    return {place: sum(own) / len(own) for place, own in modes.items()}


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
