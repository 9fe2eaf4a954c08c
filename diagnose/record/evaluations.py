"""Reads evaluation sets, and tells from hashes of samples whether one holds training data."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.record.columns import Clock
from diagnose.record.parts import part
from diagnose.record.samples import Samples, coverage, split_anew
from diagnose.run import EvaluationSet, Floats, LossSite, Steps

Hashes = dict[tuple[int, str], NDArray[np.int64]]
_NUMBERS = ("loss", "accuracy", "samples", "batches", "noise")


def read_hashes(connection: sqlite3.Connection) -> Hashes:
    """Hashes of samples by stream and set, in the order in which the samples were seen."""
    parts: dict[tuple[int, str], list[bytes]] = {}
    for stream, name, data in connection.execute("SELECT stream, set_id, data FROM hashes ORDER BY rowid"):
        parts.setdefault((stream, name), []).append(data)
    return {key: np.frombuffer(b"".join(data), "<i8") for key, data in parts.items()}


def _of(hashes: Mapping[tuple[int, str], NDArray[np.int64]], streams: Sequence[int], name: str) -> NDArray[np.int64]:
    found = [hashes[stream, name] for stream in streams if (stream, name) in hashes]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def repeated_share(
    hashes: Mapping[tuple[int, str], NDArray[np.int64]], streams: Sequence[int], dataset_size: int | None
) -> float | None:
    """Share of samples seen again within the first epoch; None where no hashes or no size of the data set are known."""
    seen = next((hashes[stream, "train"] for stream in streams if (stream, "train") in hashes), None)
    if seen is None or not dataset_size or not len(seen):
        return None
    seen = seen[:dataset_size]
    return 1.0 - len(np.unique(seen)) / len(seen)


def distinct_samples(hashes: Mapping[tuple[int, str], NDArray[np.int64]], streams: Sequence[int]) -> int | None:
    """How many different training samples there are; None until each was seen three times on average.

    Three times each: drawn at random with replacement, 95 % of a data set have come up by then (1 - exp(-3)).
    """
    seen = _of(hashes, streams, "train")
    if seen is None or not len(seen):
        return None
    different = len(np.unique(seen))
    return different if len(seen) >= 3 * different else None


def read_evaluations(
    connection: sqlite3.Connection,
    streams: Sequence[int],
    clock: Clock,
    described: Mapping[str, Mapping[str, Any]],
    sites: Mapping[str, LossSite],
    hashes: Mapping[tuple[int, str], NDArray[np.int64]],
    trained_on: Samples,
) -> list[EvaluationSet]:
    """The evaluation sets of these streams, one entry a pass."""
    marks = ", ".join("?" * len(streams))
    cursor = connection.execute(
        f"SELECT * FROM evaluations WHERE stream IN ({marks}) ORDER BY tick, rowid", tuple(streams)
    )
    names = [column[0] for column in cursor.description]
    passes: dict[str, list[dict[str, Any]]] = {key: [] for key in described}
    for row in cursor:
        entry = dict(zip(names, row, strict=True))
        passes.setdefault(entry["set_id"], []).append(entry)
    train, known = np.unique(_of(hashes, streams, "train")), coverage(trained_on, len(clock))
    found = []
    for key, entries in passes.items():
        if not entries:
            continue
        description = described.get(key, {})
        samples, numbers = _of(hashes, streams, key), {name: _column(entries, name) for name in _NUMBERS}
        steps = clock.steps([entry["tick"] for entry in entries])
        same, chance = _overlap(samples, train), _overlap_by_chance(samples, numbers["samples"], train)
        if 0 < known < 1 and same is not None and _all_that_is_known(same, chance or 0.0, known):
            same = 1.0
        found.append(
            EvaluationSet(
                id=key,
                name=str(description.get("name") or key),
                site=_site(description.get("site"), key, sites),
                steps=steps,
                same_data=same,
                chance_data=chance,
                training_data=_overlap(train, np.unique(samples)),
                split_anew=known == 1 and split_anew(trained_on, _by_pass(samples, numbers["samples"], steps)),
                shadow=_most(entries, "shadow") is True,
                grad_enabled=_most(entries, "grad_enabled"),
                memory_growth=_column(entries, "memory_end") - _column(entries, "memory_start"),
                training_layers=_usual(entries, "training_layers"),
                evaluation_layers=_usual(entries, "evaluation_layers"),
                **numbers,
            )
        )
    return found


def _site(value: Any, key: str, sites: Mapping[str, LossSite]) -> LossSite:
    if isinstance(value, Mapping):
        return part(LossSite, {"id": key, "role": "evaluation", **value})
    known = sites.get(str(value)) or sites.get(key)
    return replace(known, role="evaluation") if known else LossSite(str(value or key), "custom", "evaluation")


def _column(entries: Sequence[Mapping[str, Any]], name: str) -> Floats:
    return np.array([entry.get(name) for entry in entries], np.float64)


def _most(entries: Sequence[Mapping[str, Any]], name: str) -> bool | None:
    """What holds for most passes; None where no pass tells."""
    told = [bool(entry[name]) for entry in entries if entry.get(name) is not None]
    return None if not told else 2 * sum(told) > len(told)


def _usual(entries: Sequence[Mapping[str, Any]], name: str) -> tuple[str, ...]:
    """The layers that are named in more than half of the passes that tell of their layers."""
    told = [entry for entry in entries if entry.get("training_layers") or entry.get("evaluation_layers")]
    count = Counter(layer for entry in told for layer in dict.fromkeys(json.loads(entry.get(name) or "[]")))
    return tuple(layer for layer, times in count.items() if 2 * times > len(told))


def _overlap_by_chance(samples: NDArray[np.int64], sizes: Floats, train: NDArray[np.int64]) -> float | None:
    """What `_overlap` would be of samples drawn like these, were none of them shared: those of one pass are found again among
    each other with a probability p a pair, so that one meets one of n others with 1 - (1 - p)^n."""
    size = int(sizes[0]) if len(sizes) and np.isfinite(sizes[0]) else 0
    if not 2 <= size <= len(samples) or not len(train):
        return None
    _, counts = np.unique(samples[:size], return_counts=True)
    again = counts[counts > 1].sum() / size
    return float(1 - (1 - again) ** (len(train) / (size - 1)))


def _overlap(samples: NDArray[np.int64], train: NDArray[np.int64]) -> float | None:
    if not len(samples) or not len(train):
        return None
    distinct = np.unique(samples)
    return float(np.isin(distinct, train).mean())


def _all_that_is_known(same: float, chance: float, known: float) -> bool:
    """Whether a set may be training data altogether: it holds as many as are known of those, or four fifths of that (for both are
    estimates), beyond chance."""
    return chance < 1 and (same - chance) / (1 - chance) >= 0.8 * known


def _by_pass(samples: NDArray[np.int64], sizes: Floats, steps: Steps) -> list[tuple[int, NDArray[np.int64]]]:
    """The samples of each pass; none where not all are known."""
    if not np.isfinite(sizes).all() or int(sizes.sum()) != len(samples):
        return []
    return list(zip(steps.tolist(), np.split(samples, np.cumsum(sizes)[:-1].astype(np.int64)), strict=True))
