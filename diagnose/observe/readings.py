"""What is read on a snapshot, when it is there to be read: inputs at the forward, parameters before the backward, gradients
before the step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from diagnose.observe.description import parameter_items
from diagnose.observe.shards import held, local
from diagnose.observe.streams import Stream

if TYPE_CHECKING:
    from diagnose.observe.session import Session


def read_inputs(session: Session, module: nn.Module, args: Any, kwargs: Any) -> None:
    """What a network is fed on a snapshot."""
    taken = session.schedule.snapshots
    if taken > 16 and taken % 16:  # what is fed changes little: one snapshot in sixteen tells it
        return
    network = session.calls.network_name(module)
    given = [(str(i), value) for i, value in enumerate(args)] + [(name, value) for name, value in kwargs.items()]
    for name, value in given:
        if isinstance(value, Tensor) and value.dim() and type(value) in (Tensor, nn.Parameter):
            site = f"{network}:{name}"
            calls = session.snapshot.input_calls[site] = session.snapshot.input_calls.get(site, 0) + 1
            if calls > 1:  # a discriminator sees real samples first, generated ones second
                site = f"{site}#{min(calls, 4)}"
            answer = session.read("inputs", value)
            if answer is not None:
                item = {"id": site, "network": network, "shape": list(value.shape), "dtype": str(value.dtype).removeprefix("torch.")}
                session.snapshot.input_records[site] = (answer, item)


def read_gradients(session: Session, stream: Stream) -> None:
    """The gradients as the step will use them."""
    found: dict[str, Tensor] = {}
    missing: list[str] = []
    known, by_hand = stream.paths, session.by_hand.gradients
    parameters = stream.parameters()
    gradients = [by_hand.get(id(p), p.grad) if by_hand else p.grad for p in parameters]
    for parameter, gradient, piece in zip(parameters, gradients, held(gradients), strict=True):
        path = known.get(id(parameter)) or stream.path(parameter)
        if piece is not None:
            found[path] = piece
        elif gradient is None:
            missing.append(path)
    answer = session.read("gradients", list(found.values())) if found else {}
    if answer is None:
        return
    stream.gradients = {name: dict(zip(found, values, strict=True)) for name, values in answer.items()}
    stream.present = {**dict.fromkeys(found, 1.0), **dict.fromkeys(missing, 0.0)}


def initial_statistics(session: Session, stream: Stream) -> None:
    """Mean, deviation, range and norm of every parameter before the first step, once."""
    if stream.initialised:
        return
    stream.initialised = True
    items = list(parameter_items(stream, session.modules))
    by_path = {item["path"]: item for item in items}
    session.writer.stream(stream.index, **stream.facts(), **session.book.facts())
    session.writer.items(stream.index, "parameter", items)
    tensors = {stream.path(p): p for p in stream.parameters()}
    for network in stream.networks:
        for path, _, parameter in network.named_parameters():
            tensors.setdefault(path, parameter)
    begun = stream.steps > 0  # its first steps were not looked at
    pieces = {path: local(p) for path, p in tensors.items() if path in by_path and p.is_floating_point() and not begun}
    usable = {path: p for path, p in pieces.items() if p is not None and p.numel()}
    parts = []
    for parameter in usable.values():
        values = parameter.detach()
        values = values.to(torch.float32)
        low, high = torch.aminmax(values)
        parts.append(torch.stack((values.mean(), values.std(correction=0), low, high, torch.linalg.vector_norm(values))))

    def write(array: NDArray[np.float32]) -> None:
        names = ("mean", "std", "min", "max", "norm")
        rows = array.reshape(-1, 5)
        session.writer.items(stream.index, "parameter", [
            {"path": path, "initial": {n: float(v) for n, v in zip(names, row, strict=True)}}
            for path, row in zip(usable, rows, strict=True)
        ])  # fmt: skip

    if parts:
        session.transfer.send(parts, write)
