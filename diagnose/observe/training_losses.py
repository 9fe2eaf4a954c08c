"""The losses a step was trained on, by the place they are computed at."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from diagnose.observe.hand_written import custom_site
from diagnose.observe.loss_calls import LossCall
from diagnose.observe.streams import Stream

if TYPE_CHECKING:
    from diagnose.observe.session import Session


def write_training_losses(session: Session, stream: Stream, trained: list[LossCall]) -> None:
    """The training losses of a step by site, and what was read of their inputs on a snapshot."""
    if not trained and session.row.losses and session.row.line is not None:
        _write_custom(session, stream)
        return
    by_site: dict[str, list[LossCall]] = {}
    for call in trained:
        by_site.setdefault(session.book.site(call), []).append(call)
    # each stream is told of its sites: the next optimizer's loss often stands in the same line
    described = session.book.described_sites.setdefault(stream.index, set())
    new = [
        session.book.item(site, calls[0])
        for site, calls in by_site.items()
        if site not in described or session.book.is_new(site, calls[0])
    ]
    if new:
        described.update(item["id"] for item in new)
        session.writer.items(stream.index, "loss", [{**item, "optimizer": stream.index} for item in new])
    session.row.samples = max([sum([c.samples for c in calls]) for calls in by_site.values()], default=0)
    for call in trained:
        if call.hashes is not None and call.hashes.device.type == "cpu":
            session.writer.hashes(stream.index, "train", call.hashes.numpy().tobytes(), session.tick)
    sites = list(by_site)
    values = [call.value for site in sites for call in by_site[site]]
    counts = [len(by_site[site]) for site in sites]

    def write(array: Sequence[float]) -> None:
        means, at = [], 0
        for count in counts:
            means.append(sum(map(float, array[at : at + count])) / count)
            at += count
        layout = session.writer.layout("losses", sites)
        session.writer.vector(tick, stream.index, "training_loss", layout, struct.pack(f"<{len(means)}f", *means))

    tick = session.tick
    if not sites:
        return
    session.transfer.scalars(values, write)
    for site in sites:
        statistics = [c.statistics for c in by_site[site] if c.statistics is not None]
        if site in session.backward.for_inputs:  # of an attack the first call is on what was given, the others on what it made of it
            statistics = statistics[:1]
        if statistics:
            session.snapshot.loss_records[site] = statistics


def _write_custom(session: Session, stream: Stream) -> None:
    """A hand-written loss: the root of the backward stands for it."""
    assert session.row.line is not None
    file, line = session.row.line
    site = custom_site(session.row.line)
    snapshot = session.snapshot
    if session.row.samples == 0:
        session.row.samples = session.row.given
    known, key = session.book.custom_sites, f"{stream.index}:{site}"
    if key not in known or snapshot.custom_shapes:
        known.add(key)
        if snapshot.compared:  # its prediction is known: what made it can be told too
            session.book.described_sites.setdefault(stream.index, set()).add(site)
        session.writer.items(stream.index, "loss", [{
            "id": site, "function": "custom", "role": "training", "source": {"file": file, "line": line}, "optimizer": stream.index,
            "shapes": snapshot.custom_shapes, "operations": [name for name, _ in snapshot.custom_shapes], "weight": 1.0,
            **snapshot.compared,
        }])  # fmt: skip
        snapshot.custom_shapes, snapshot.compared = [], {}
    hashes = session.data.take_hashes()
    if hashes is not None and hashes.device.type == "cpu":
        session.writer.hashes(stream.index, "train", hashes.numpy().tobytes(), session.tick)
    values = session.row.losses
    tick = session.tick
    layout = session.writer.layout("losses", [site])

    def write(array: Sequence[float]) -> None:
        mean = sum(float(v) for v in array) / len(array)
        session.writer.vector(tick, stream.index, "training_loss", layout, struct.pack("<f", mean))

    session.transfer.scalars(values, write)
