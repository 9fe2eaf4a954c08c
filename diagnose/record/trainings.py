"""Makes trainings of streams: optimizers whose steps interleave belong together."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from diagnose.record.columns import Clock, SeriesMap, StepTable, read_vectors
from diagnose.record.evaluations import distinct_samples, read_evaluations, read_hashes, repeated_share
from diagnose.record.explanations import read_explanations
from diagnose.record.kind import decide_kind
from diagnose.record.parts import Items, part, read_items, source, united
from diagnose.record.samples import Samples, read_samples, same_as_before, seen_again
from diagnose.run import Edge, Event, InputSite, Layer, LossSite, Optimizer, Parameter, Series, Training

_COUNTED = ("first_counted", "last_counted")  # steps that have left no row behind
_OPTIMIZER_FACTS = ("type", "settings", "source", "networks", *_COUNTED)
EventRow = tuple[int | None, int | None, str, str | None, dict[str, Any]]


def read_trainings(connection: sqlite3.Connection) -> tuple[list[Training], list[Event], list[Samples]]:
    """All trainings of a rank in the order in which they began, the events that belong to none, and each one's samples."""
    streams = {number: json.loads(facts) for number, facts in connection.execute("SELECT stream, facts FROM streams")}
    items = read_items(connection)
    units = dict(connection.execute("SELECT name, unit FROM quantities").fetchall())
    table = StepTable(connection)
    groups = group_streams(table)
    if not groups and (streams or items):  # prepared and never stepped: still worth judging
        groups = [tuple(sorted({*streams, *items}))]
    rows: list[EventRow] = [
        (tick, stream, kind, place, json.loads(details))
        for tick, stream, kind, place, details in connection.execute("SELECT * FROM events ORDER BY rowid")
    ]
    hashes = read_hashes(connection)
    trainings, samples = [], []
    taken: set[int] = set()
    for number, group in enumerate(groups):
        mine = [i for i, row in enumerate(rows) if i not in taken and _belongs(row, group, table, len(groups))]
        taken.update(mine)
        known = {stream: streams.get(stream, {}) for stream in group}
        own = [rows[i] for i in mine]
        trained_on = read_samples(connection, group, Clock(table.ticks[np.isin(table.streams, group)]))
        trainings.append(_training(connection, number, group, known, items, units, table, own, hashes, trained_on))
        samples.append(trained_on)
    rest = [Event(kind, None, place, details) for i, (_, _, kind, place, details) in enumerate(rows) if i not in taken]
    return trainings, rest, samples


def group_streams(table: StepTable) -> list[tuple[int, ...]]:
    """Streams whose intervals of ticks overlap, transitively, in the order of their first step."""
    spans = []
    for stream in np.unique(table.streams):
        ticks = table.ticks[table.streams == stream]
        spans.append((int(ticks[0]), int(ticks[-1]), int(stream)))
    groups: list[list[int]] = []
    end = -1
    for first, last, stream in sorted(spans):
        if groups and first <= end:
            groups[-1].append(stream)
        else:
            groups.append([stream])
        end = max(end, last)
    return [tuple(sorted(group)) for group in groups]


def _belongs(row: EventRow, group: Sequence[int], table: StepTable, groups: int) -> bool:
    tick, stream = row[:2]
    if stream is not None:
        return stream in group
    if tick is None:
        return False
    ticks = table.ticks[np.isin(table.streams, group)]
    return groups == 1 or bool(len(ticks) and ticks[0] <= tick <= ticks[-1])


def _training(
    connection: sqlite3.Connection,
    number: int,
    group: Sequence[int],
    streams: Mapping[int, Mapping[str, Any]],
    items: Items,
    units: Mapping[str, str | None],
    table: StepTable,
    events: Sequence[EventRow],
    hashes: Mapping[tuple[int, str], Any],
    trained_on: Samples,
) -> Training:
    counted = [int(own[name]) for own in streams.values() for name in _COUNTED if name in own]
    clock = Clock(np.append(table.ticks[np.isin(table.streams, group)], counted).astype(np.int64))
    layers = united(items, group, "layer")
    parameters = united(items, group, "parameter")
    losses = united(items, group, "loss")
    inputs = united(items, group, "input")
    order = {name: i for i, name in enumerate(dict.fromkeys([*layers, *parameters, *losses, *inputs]))}
    facts = _facts(streams)
    loader = facts.get("data", {}).get("loader", {}) if isinstance(facts.get("data"), dict) else {}
    size = loader.get("dataset_size") if isinstance(loader, dict) else None
    size = size if isinstance(size, int) else None
    repeats = repeated_share(hashes, group, size)
    if repeats is not None:
        facts["train_repeats"] = repeats
    different = distinct_samples(hashes, group)
    if different is not None:
        facts["train_samples"] = different
    again = seen_again(trained_on, len(clock))
    if again is not None:
        facts["train_again"] = again
    same = same_as_before(trained_on)
    if same is not None:
        facts["train_same"] = same
    sites = {key: part(LossSite, {"id": key, **value}) for key, value in losses.items()}
    made = [part(Layer, value) for value in layers.values()]
    training = Training(
        id=number,
        steps=len(clock),
        layers=made,
        parameters=[part(Parameter, value) for value in parameters.values()],
        edges=[part(Edge, value) for value in united(items, group, "edge").values()],
        losses=list(sites.values()),
        evaluations=read_evaluations(connection, group, clock, united(items, group, "evaluation"), sites, hashes, trained_on),
        inputs=[part(InputSite, {"id": key, **value}) for key, value in inputs.items()],
        optimizers=[_optimizer(stream, streams[stream]) for stream in group],
        networks=_networks(streams, made),
        events=[Event(kind, clock.step(tick), place, details) for tick, _, kind, place, details in events],
        epochs=table.epochs(group, clock, size),
        facts=facts,
        explanations=read_explanations(connection, group, united(items, group, "explanation")),
        series=_whole(
            {**table.series(group, clock, units), **read_vectors(connection, group, clock, units, order)}, sites
        ),
    )
    training.kind, training.kind_evidence = decide_kind(training)
    return training


def _whole(series: SeriesMap, sites: Mapping[str, LossSite]) -> SeriesMap:
    """Where the one training loss is the root of the backward itself, its series is the loss of every step.

    Between snapshots only the root's value is kept once the recorder's budget is used.
    """
    trained = [site.id for site in sites.values() if site.role == "training"]
    root = series.get(("loss", None))
    if root is None or len(trained) != 1:
        return series
    known = series.get(("training_loss", trained[0]))
    if known is None or not len(known) or len(known) == len(root):
        return series
    at = np.searchsorted(root.steps, known.steps)
    inside = (at < len(root)) & (root.steps[np.minimum(at, len(root) - 1)] == known.steps)
    if inside.all() and np.allclose(root.values[at], known.values, rtol=1e-5, atol=1e-7, equal_nan=True):
        series["training_loss", trained[0]] = Series("training_loss", trained[0], root.steps, root.values, known.unit)
    return series


def _optimizer(stream: int, facts: Mapping[str, Any]) -> Optimizer:
    return Optimizer(stream, str(facts.get("type", "")), facts.get("settings") or {}, source(facts.get("source")))


def _networks(streams: Mapping[int, Mapping[str, Any]], layers: Sequence[Layer]) -> list[str]:
    named = [str(name) for facts in streams.values() for name in facts.get("networks") or ()]
    return list(dict.fromkeys(named or [layer.network for layer in layers if layer.network]))


def _facts(streams: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """What the streams say, united: the first stream's word holds; with several, each one's own under "streams"."""
    facts: dict[str, Any] = {}
    for own in streams.values():
        for key, value in own.items():
            if key not in _OPTIMIZER_FACTS:
                facts.setdefault(key, value)
    if len(streams) > 1:
        facts["streams"] = {
            str(stream): {k: v for k, v in own.items() if k not in _OPTIMIZER_FACTS} for stream, own in streams.items()
        }
    return facts
