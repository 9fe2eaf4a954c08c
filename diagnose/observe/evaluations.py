"""Evaluation passes: which data they ran on, and what is written down of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from diagnose.observe.loss_calls import Pass

if TYPE_CHECKING:
    from diagnose.observe.session import Session
    from diagnose.observe.streams import Stream


def loader_facts(iterator: Any) -> dict[str, Any]:
    """What is known of the loader behind an iterator, as plain values; `id` tells data sets apart."""
    dataset = getattr(iterator, "_dataset", None)
    sampler = getattr(iterator, "_index_sampler", None)
    inner = getattr(sampler, "sampler", None)
    shuffle: bool | None = None
    if inner is not None:
        name = type(inner).__name__
        shuffle = True if "Random" in name else False if name == "SequentialSampler" else None
        if name == "DistributedSampler":
            shuffle = bool(getattr(inner, "shuffle", True))
    try:
        size = len(dataset) if dataset is not None else None
    except TypeError:
        size = None
    return {
        "id": id(dataset),
        "class": "DataLoader",
        "dataset": type(dataset).__name__,
        "dataset_size": size,
        "batch_size": getattr(sampler, "batch_size", None),
        "drop_last": getattr(sampler, "drop_last", None),
        "sampler": None if inner is None else type(inner).__name__,
        "shuffle": shuffle,
        "workers": getattr(iterator, "_num_workers", None),
    }


def shown(loader: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """A loader's facts without what only this process understands."""
    return None if loader is None else {k: v for k, v in loader.items() if k not in ("id", "fresh")}


def write_pass(session: Session, stream: Stream, one: Pass) -> None:
    """Writes down an evaluation pass that has ended."""
    set_id = session.book.set_id(one)
    count, right = len(one.values), len(one.accuracies)
    tick = one.tick - 1

    def write(values: Sequence[float]) -> None:
        losses = np.array(values[:count], float)
        accuracies = np.array(values[count : count + right], float)
        weights = np.array(one.weights, float)
        total = weights.sum()
        mean = float((losses * weights).sum() / total) if total else math.nan
        if one.call.arguments.get("reduction") == "sum" and total:
            mean = float(losses.sum() / total)
            losses = losses / weights
        noise = float(losses.std(ddof=1) / math.sqrt(count)) if count > 1 else math.nan
        share = float((accuracies * weights[:right]).sum() / weights[:right].sum()) if right else math.nan
        session.writer.evaluation(
            tick, stream.index, set_id, loss=mean, accuracy=_null(share), samples=float(total), batches=float(count),
            noise=_null(noise), seconds=one.seconds, grad_enabled=int(one.grad_enabled),
            training_layers=one.training_layers, evaluation_layers=one.evaluation_layers, shadow=int(one.shadow),
            memory_start=one.memory_start, memory_end=one.memory_end,
        )  # fmt: skip

    session.writer.items(stream.index, "evaluation", [{
        "id": set_id, "name": one.name, "site": one.call.site, "loader": shown(one.loader),
        "dataset_size": None if one.loader is None else one.loader["dataset_size"],
    }])  # fmt: skip
    session.transfer.scalars([*one.values, *one.accuracies], write)
    for hashes in one.hashes:
        if hashes.device.type == "cpu":
            session.writer.hashes(stream.index, set_id, hashes.numpy().tobytes())
    session.row.evaluated_for(one.began, one.seconds)


def _null(value: float) -> float | None:
    return None if math.isnan(value) else value
