"""From stored JSON to the plain values of a training: layers, parameters, edges, losses, inputs."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields
from typing import Any, TypeVar

from diagnose.finding import Source
from diagnose.run import Edge, InputSite, Layer, LossSite, Optimizer, Parameter

Part = TypeVar("Part", Layer, Parameter, Edge, LossSite, InputSite, Optimizer)
Items = dict[int, dict[str, dict[str, dict[str, Any]]]]  # stream → kind → key → value

_EITHER = ("optimized", "reached", "trainable")  # true of the training when true of one of its streams
_EMPTY: dict[str, Any] = {
    "path": "", "id": "", "type": "", "role": "other", "layer": "", "shape": (), "size": 0, "source": "", "target": "",
    "function": "custom", "network": "", "dtype": "", "index": 0,
}  # fmt: skip


def read_items(connection: sqlite3.Connection) -> Items:
    """All items, each kind in its order."""
    items: Items = {}
    rows = connection.execute("SELECT stream, kind, key, value FROM items ORDER BY stream, kind, position, rowid")
    for stream, kind, key, value in rows:
        items.setdefault(stream, {}).setdefault(kind, {})[key] = json.loads(value)
    return items


def united(items: Items, streams: Iterable[int], kind: str) -> dict[str, dict[str, Any]]:
    """One kind over several streams, by key; what a later stream says more is added."""
    result: dict[str, dict[str, Any]] = {}
    for stream in streams:
        for key, value in items.get(stream, {}).get(kind, {}).items():
            known = result.get(key)
            if known is None:
                result[key] = dict(value)
                continue
            merged = {**known, **{k: v for k, v in value.items() if v is not None}}
            for name in _EITHER:
                if name in known and name in value:
                    merged[name] = True if True in (known[name], value[name]) else known[name]
            if known.get("optimized") and not value.get("optimized") and "optimizer" in known:
                merged["optimizer"] = known["optimizer"]
            result[key] = merged
    return result


def source(value: Any) -> Source | None:
    """A line of the program from its JSON."""
    if isinstance(value, Mapping) and value.get("file") and value.get("line") is not None:
        return Source(str(value["file"]), int(value["line"]))
    return None


def part(kind: type[Part], value: Mapping[str, Any]) -> Part:
    """A part of a training from its JSON object; unknown entries are left out, absent ones get their defaults."""
    found: dict[str, Any] = {}
    for field in fields(kind):
        entry = value.get(field.name)
        if field.name == "source" and kind is not Edge:
            entry = source(entry)
        if entry is None:
            if field.default is MISSING and field.default_factory is MISSING:
                found[field.name] = _EMPTY[field.name]
            continue
        found[field.name] = _tuples(entry) if isinstance(entry, list) else entry
    return kind(**found)


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
