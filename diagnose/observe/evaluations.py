"""Evaluation passes: what they are called, which data they ran on, and the loss of those that compute only an accuracy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from diagnose.observe.losses import LossCall, Pass, number
from diagnose.observe.probes.losses import accuracy
from diagnose.observe.snapshot import first_tensor
from diagnose.observe.sources import user_frames


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


def learn_role(
    session: Any, call: LossCall, original: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any],
    prediction: Tensor, target: Tensor,
) -> None:  # fmt: skip
    """Learns how the training computes its loss, so that it can be repeated where only an accuracy is computed.

    Only where the loss's input is the network's very output and its target an item of the loader's batch.
    """
    if session._role is not None or not session.data.batch:
        return
    root_output = session.last_output()
    if root_output is None or root_output is not prediction:
        return
    for position, item in enumerate(ref() for ref in session.data.batch):
        if item is target or (
            isinstance(item, Tensor) and item.device != target.device and item.shape == target.shape and item.dtype == target.dtype
        ):
            rest = {k: v for k, v in kwargs.items() if k not in ("input", "target")}
            session._role = {
                "name": call.function, "original": original, "rest": (tuple(args[2:]), rest), "position": position, "call": call,
                "output_dim": prediction.dim(), "device": target.device, "dtype": target.dtype,
            }  # fmt: skip
            return


def shadow(session: Any, module: nn.Module, output: Any) -> None:
    """Repeats the training's loss on an evaluation's output; kept only if the program computes no loss there itself."""
    role = session._role
    prediction = first_tensor(output)
    if prediction is None or prediction.dim() != role["output_dim"] or session.data.loader_now() is None:
        return
    refs = session.data.batch
    target = refs[role["position"]]() if role["position"] < len(refs) else None
    if not isinstance(target, Tensor) or target.shape[:1] != prediction.shape[:1] or target.dtype != role["dtype"]:
        return
    known: LossCall = role["call"]
    args, kwargs = role["rest"]
    with torch.no_grad():
        value = role["original"](prediction.detach(), target.to(prediction.device), *args, **kwargs)
        right = accuracy(role["name"], prediction.detach(), target.to(prediction.device))
    frames = user_frames(3)
    call = LossCall(session.losses, known.function, known.arguments, tuple((f.f_code.co_filename, f.f_lineno) for f in frames))
    call.value = number(value)
    call.accuracy = None if right is None else number(right)
    call.samples = prediction.shape[0]
    call.tick = session.tick
    call.given = known.given
    call.hashes = session.data.take_hashes(keep=True)
    to = session.losses.shadow_pass(call, frames)
    to.shadow = True
    session.losses.add(to, call)


def write_pass(session: Any, stream: Any, one: Pass) -> None:
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
    session.row.evaluation_seconds += one.seconds
    session.row.evaluated = True


def _null(value: float) -> float | None:
    return None if math.isnan(value) else value
