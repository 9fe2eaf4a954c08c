"""Explanations on disk: one item of plain JSON a network, its arrays in a table of their own."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, TypeVar

import numpy as np

from diagnose.explanation import (
    Array,
    Check,
    ExplainedInput,
    ExplainedSample,
    Explanation,
    Intervention,
    LayerShare,
    Method,
)
from diagnose.record.writer import Writer

Part = TypeVar("Part", Check, ExplainedInput, LayerShare, Method, Intervention)
ARRAYS = ("losses", "training_losses")


def write_explanation(writer: Writer, stream: int, explanation: Explanation) -> None:
    """Writes an explanation of a network of a stream."""
    owner = explanation.network

    def put(name: str, values: Array) -> None:
        data = np.ascontiguousarray(values, "<f4").tobytes()
        writer.array(stream, owner, name, list(np.shape(values)), data)

    told = {
        entry.name: getattr(explanation, entry.name)
        for entry in fields(Explanation)
        if entry.name not in (*ARRAYS, "global_importance", "samples", "inputs", "methods", "layers", "interventions")
    }
    told |= {name: [asdict(part) for part in getattr(explanation, name)] for name in ("inputs", "methods", "layers")}
    told["interventions"] = [asdict(part) for part in explanation.interventions]
    told["samples"] = [_sample(sample) for sample in explanation.samples]
    writer.items(stream, "explanation", [{"path": owner, **told}])
    for name in ARRAYS:
        put(name, getattr(explanation, name))
    for id, values in explanation.global_importance.items():
        put(f"importance/{id}", values)
    for place, sample in enumerate(explanation.samples):
        for id, values in sample.inputs.items():
            put(f"sample/{place}/{id}", values)
        for method, maps in sample.maps.items():
            for id, values in maps.items():
                put(f"map/{place}/{method}/{id}", values)


def _sample(sample: ExplainedSample) -> dict[str, Any]:
    told = {entry.name: getattr(sample, entry.name) for entry in fields(ExplainedSample)}
    del told["inputs"], told["maps"]
    told["trust"] = {method: [asdict(check) for check in checks] for method, checks in sample.trust.items()}
    return told


def read_explanations(
    connection: sqlite3.Connection, streams: Sequence[int], items: Mapping[str, Mapping[str, Any]]
) -> list[Explanation]:
    """The explanations of these streams.

    Raises:
        ValueError: an array does not fit its shape.
    """
    if not items:
        return []
    marks = ", ".join("?" * len(streams))
    rows = connection.execute(f"SELECT owner, name, dtype, shape, data FROM arrays WHERE stream IN ({marks})", tuple(streams))
    arrays: dict[str, dict[str, Array]] = {}
    for owner, name, dtype, shape, data in rows:
        if dtype != "<f4":
            raise ValueError(f"the array {name} has the unknown type {dtype!r}")
        values = np.frombuffer(data, "<f4").astype(np.float64)
        arrays.setdefault(owner, {})[name] = values.reshape([int(n) for n in json.loads(shape)])
    return [_explanation(value, arrays.get(key, {})) for key, value in items.items()]


def _explanation(value: Mapping[str, Any], arrays: Mapping[str, Array]) -> Explanation:
    plain = {entry.name: value[entry.name] for entry in fields(Explanation) if entry.name in value}
    plain |= {name: arrays.get(name, np.empty(0)) for name in ARRAYS}
    plain["inputs"] = tuple(_part(ExplainedInput, one) for one in value.get("inputs", ()))
    plain["methods"] = tuple(_part(Method, one) for one in value.get("methods", ()))
    plain["layers"] = tuple(_part(LayerShare, one) for one in value.get("layers", ()))
    plain["interventions"] = tuple(_part(Intervention, one) for one in value.get("interventions", ()))
    plain["notes"] = tuple(value.get("notes", ()))
    plain["global_importance"] = _under(arrays, "importance/")
    plain["samples"] = tuple(_read_sample(one, place, arrays) for place, one in enumerate(value.get("samples", ())))
    return Explanation(**plain)


def _read_sample(value: Mapping[str, Any], place: int, arrays: Mapping[str, Array]) -> ExplainedSample:
    plain = {entry.name: value[entry.name] for entry in fields(ExplainedSample) if entry.name in value}
    plain["trust"] = {
        method: tuple(_part(Check, one) for one in checks) for method, checks in value.get("trust", {}).items()
    }
    plain["inputs"] = _under(arrays, f"sample/{place}/")
    maps: dict[str, dict[str, Array]] = {}
    for name, values in _under(arrays, f"map/{place}/").items():
        method, _, id = name.partition("/")
        maps.setdefault(method, {})[id] = values
    plain["maps"] = {method: maps[method] for method in plain["trust"] if method in maps} or maps
    return ExplainedSample(**plain)


def _under(arrays: Mapping[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): values for name, values in arrays.items() if name.startswith(prefix)}


def _part(kind: type[Part], value: Mapping[str, Any]) -> Part:
    found = {entry.name: value[entry.name] for entry in fields(kind) if entry.name in value}
    for name, entry in found.items():
        if name == "trust":
            found[name] = tuple(_part(Check, one) for one in entry)
        elif isinstance(entry, list):
            found[name] = tuple(entry)
    return kind(**found)
