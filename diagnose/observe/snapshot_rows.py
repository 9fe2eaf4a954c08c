"""A snapshot written down: all quantities of one step, sent to the host at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnose.observe.description import describe
from diagnose.observe.shards import local
from diagnose.observe.streams import Stream

if TYPE_CHECKING:
    from diagnose.observe.session import Session
    from diagnose.record.writer import Writer


def declare(writer: Writer) -> None:
    """The quantities that no probe reads alone."""
    writer.quantity("training_loss", "losses", "loss")
    for name, unit in (("gradient_present", "share"), ("output_gradient_norm", "loss per output"),
                       ("output_gradient_zero_share", "share"), ("layer_training", "share")):  # fmt: skip
        writer.quantity(name, "parameters" if name == "gradient_present" else "layers", unit)


def write_snapshot(session: Session, stream: Stream) -> None:
    """All quantities of a stream at this step, sent to the host at once."""
    collected: list[tuple[str, str, dict[str, Tensor], bool]] = []

    def add(quantity: str, over: str, values: dict[str, Tensor]) -> None:
        if values:
            collected.append((quantity, over, values, any(v.dim() for v in values.values())))

    after = {id(p): local(p) for p in stream.parameters()}
    moved = [
        (key, old, new) for key, old in stream.before.items() if (new := after.get(key)) is not None and new.shape == old.shape
    ]
    weights = session.read("weights", [m[1] for m in moved], [m[2] for m in moved]) if moved else None
    named = {id(p): stream.path(p) for p in stream.parameters()}
    paths = [named[key] for key, _, _ in moved]
    for name, values in (weights or {}).items():
        add(name, "parameters", dict(zip(paths, values, strict=True)))
    for name, by_path in stream.gradients.items():
        add(name, "parameters", by_path)
    modes = _add_layers(session, stream, add)
    for site, statistics in session.snapshot.loss_records.items():
        for name in statistics[0]:
            add(name, "losses", {site: _pooled(name, [s[name] for s in statistics])})
    mine = {n.name for n in stream.networks}
    for site, (answer, item) in list(session.snapshot.input_records.items()):
        if not mine or item["network"].split(".")[0] in mine:
            session.writer.items(stream.index, "input", [item])
            for name, value in answer.items():
                add(name, "inputs", {site: value})
    collected.sort(key=lambda entry: entry[3])  # scalars first: they travel as one
    parts = [value for _, _, values, _ in collected for value in values.values()]
    plan = [(q, over, list(values), [v.numel() for v in values.values()] if ragged else None) for q, over, values, ragged in collected]
    tick, index, writer = session.tick, stream.index, session.writer
    known = (("gradient_present", "parameters", dict(stream.present)), ("layer_training", "layers", modes))

    def write(array: NDArray[np.float32]) -> None:
        at = 0
        for quantity, over, places, sizes in plan:
            width = len(places) if sizes is None else sum(sizes)
            values = array[at : at + width]
            at += width
            writer.vector(tick, index, quantity, writer.layout(over, places, sizes), values.tobytes())
            if quantity == "gradient_norm":
                session.nonfinite.gradients(places, values)
        for quantity, over, numbers in known:
            if numbers:
                data = np.array(list(numbers.values()), np.float32).tobytes()
                writer.vector(tick, index, quantity, writer.layout(over, list(numbers)), data)

    session.transfer.send(parts, write)
    describe(session, stream)
    stream.due, stream.before, stream.gradients, stream.present = False, {}, {}, {}
    session.snapshot.forget_readings()


def _add_layers(session: Session, stream: Stream, add: Callable[[str, str, dict[str, Tensor]], None]) -> dict[str, float]:
    """Adds what was read of the layers; returns the share of their calls in training mode."""
    training: dict[str, float] = {}
    table: dict[str, dict[str, Tensor]] = {}
    order: list[str] = []
    scale = session.row.scale_tensor if session.row.scale is not None else None
    for network in stream.networks:
        for place, records in session.snapshot.records_of(network).items():
            order.append(place)
            for name in dict.fromkeys(n for r in records for n in r.statistics):
                values = [r.statistics[name] for r in records if name in r.statistics]
                table.setdefault(name, {})[place] = _pooled(name, values)
            squares = [r.gradient for r in records if r.gradient is not None]
            if squares:
                norm = torch.stack(squares).sum().sqrt()
                table.setdefault("output_gradient_norm", {})[place] = norm if scale is None else norm / scale
            zeros = [r.gradient_zeros for r in records if r.gradient_zeros is not None]
            if zeros:
                table.setdefault("output_gradient_zero_share", {})[place] = torch.stack(zeros).mean()
            modes = [r.training for r in records if r.training is not None]
            if modes:
                training[place] = sum(modes) / len(modes)
    for name, by_place in table.items():
        add(name, "layers", by_place)
    if order:
        stream.layer_order = _merged(stream.layer_order, order)
    return training


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


def _pooled(name: str, values: list[Tensor]) -> Tensor:
    """Several calls of one place as one: extremes of extremes, sums of counts, means of the rest."""
    if len(values) == 1:
        return values[0]
    if any(v.shape != values[0].shape for v in values):
        return values[-1]
    stacked = torch.stack(values)
    if name.endswith("_min"):
        return stacked.amin(0)
    if name.endswith(("_max", "_max_abs", "_error")):
        return stacked.amax(0)
    return stacked.sum(0) if name in ("class_count", "output_histogram") else stacked.mean(0)
