"""What the network's answers depend on, measured: parts of the input are exchanged between samples, and the loss is looked at.

An exchange keeps the distribution of what is exchanged and breaks its relation to everything else (Breiman 2001, permutation
importance, https://doi.org/10.1023/A:1010933404324); a baseline would take the network to inputs it has never seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnose.explanation import Intervention
from diagnose.observe.explain.columns import by_themselves, counts
from diagnose.observe.explain.kinds import channel_axis
from diagnose.observe.explain.subject import Input, Subject, spread

AREA = 1 / 16  # of an image that a shortcut's window takes, at most: a corner mark is smaller than what it marks
TOP = 3  # features of a table that are tried alone
SCREENED = 128  # samples on which the windows of an image are compared
ROUNDS = 3  # exchanges, whose losses are averaged
LEAST = 16  # samples: fewer say nothing about a distribution

Plane = NDArray[np.float64]


@dataclass(frozen=True)
class Level:
    """How well the network does on some samples."""

    losses: Tensor
    accuracy: float
    prediction: Tensor


def level(subject: Subject, rows: Tensor, swapped: list[Tensor] | None = None, batch: int = 512) -> Level | None:
    """Losses and accuracy, of the samples as they are or changed; None where no loss is known."""
    losses, right, predictions = [], [], []
    with torch.no_grad():
        for part in torch.arange(len(rows)).split(batch):
            prediction = subject.predict(rows[part], swapped=None if swapped is None else [s[part] for s in swapped])
            found = subject.losses(rows[part], prediction)
            if found is None:
                return None
            losses.append(found)
            right.append(_right(subject, rows[part], prediction))
            predictions.append(prediction.reshape(len(part), -1))
    known = [r for r in right if r is not None]
    accuracy = float(torch.cat(known).float().mean()) if known else math.nan
    return Level(torch.cat(losses), accuracy, torch.cat(predictions))


def _right(subject: Subject, rows: Tensor, prediction: Tensor) -> Tensor | None:
    assert subject.targets is not None
    target = subject.targets[rows]
    if subject.task in ("classification", "sequence") and not target.is_floating_point():
        classes = prediction.argmax(1 if prediction.dim() == 2 or prediction.shape[1:-1] != target.shape[1:] else -1)
        return (classes == target).reshape(len(rows), -1).float().mean(1) if classes.shape == target.shape else None
    if subject.task == "binary-classification":
        middle = 0.0 if subject.loss is not None and "logits" in subject.loss.name else 0.5
        return (prediction.reshape(len(rows), -1)[:, 0] > middle) == (target.reshape(len(rows), -1)[:, 0] > 0.5)
    return None


def interventions(subject: Subject, rows: Tensor, importance: Mapping[str, Plane], whole: Level, batch: int) -> list[Intervention]:
    """Every exchange that the rules want to know of."""
    if len(rows) < LEAST:
        return []
    found = []
    for given in subject.inputs:
        everything = torch.ones(given.shape, dtype=torch.bool)
        found.append(_exchanged(subject, rows, given, everything, "shuffled", given.id, whole, batch))
        mass = importance.get(given.id)
        if mass is None or not mass.sum() > 0:
            continue
        for place, mask, details in _places(subject, rows, given, mass, whole, batch):
            share, size = float(mass[mask.numpy()].sum() / mass.sum()), float(mask.float().mean())
            for what, exchanged in (("shuffled", mask), ("alone", ~mask)):
                one = _exchanged(subject, rows, given, exchanged, what, place, whole, batch)
                found.append(_with(one, share, size, details))
        padding = _padding(subject, given, rows, whole, mass, batch)
        if padding is not None:
            found.append(padding)
    return found


def _with(one: Intervention, mass: float, size: float, details: Mapping[str, object]) -> Intervention:
    return replace(one, mass=mass, size=size, details=details)


def _exchanged(
    subject: Subject, rows: Tensor, given: Input, mask: Tensor, what: str, place: str, whole: Level, batch: int, rounds: int = ROUNDS
) -> Intervention:
    """The values in `mask` (of a sample's shape) come from another sample each; with "alone", all other inputs too."""
    generator = torch.Generator().manual_seed(0)
    losses, accuracies, changes = [], [], []
    spread = whole.prediction.std(0).norm().clamp_min(1e-12) if len(rows) > 1 else torch.tensor(1.0)
    for _ in range(rounds):
        order = torch.randperm(len(rows), generator=generator)
        own = subject.slots[given.slot][rows]
        swapped = [slot[rows][order] if what == "alone" else slot[rows] for slot in subject.slots]
        swapped[given.slot] = torch.where(mask.to(own.device), own[order], own)
        found = level(subject, rows, swapped, batch)
        assert found is not None
        losses.append(found.losses)
        accuracies.append(found.accuracy)
        changes.append(float((found.prediction - whole.prediction).std(0).norm() / spread))
    mean = torch.stack(losses).mean(0)
    noise = float((mean - whole.losses).std() / len(rows) ** 0.5)
    accuracy = float(np.mean(accuracies))
    return Intervention(what, place, float(mean.mean()), accuracy, float(np.mean(changes)), noise)


Place = tuple[str, Tensor, dict[str, object]]  # name, mask of a sample's shape, details


def _places(subject: Subject, rows: Tensor, given: Input, mass: Plane, whole: Level, batch: int) -> Iterator[Place]:
    """The places of an input that may decide: features of a table by their attribution; of an image the window that holds
    the most attribution, and the one of all that costs the most when it is exchanged once."""
    if given.kind == "tabular" and len(given.shape) == 1 and given.shape[0] > 1:
        told = np.full(given.shape[0], np.nan)
        if subject.targets is not None:
            told = by_themselves(given.raw[rows], subject.targets[rows], subject.task)
        alone = [int(np.nanargmax(told))] if np.isfinite(told).any() else []
        most = [int(feature) for feature in np.argsort(-mass, kind="stable")[:TOP]]
        for feature in dict.fromkeys([*most, *alone]):
            mask = torch.zeros(given.shape, dtype=torch.bool)
            mask[feature] = True
            details: dict[str, object] = {
                "feature": feature, "counter": counts(given.raw[rows, feature]), "by_itself": float(told[feature]),
            }  # fmt: skip
            yield f"{given.id}[{feature}]", mask, details
    elif given.kind == "image":
        axis = channel_axis(given)
        plane = mass if axis is None else mass.sum(axis)
        heaviest, *others = [_windowed(given, axis, corner) for corner in windows(plane)]
        some = rows[spread(len(rows), SCREENED)]
        before = level(subject, some, batch=batch) or whole

        def cost(one: Place) -> float:
            return _exchanged(subject, some, given, one[1], "shuffled", one[0], before, batch, rounds=1).loss

        dearest = max((heaviest, *others), key=cost)
        yield heaviest
        if dearest[0] != heaviest[0]:
            yield dearest


def _windowed(given: Input, axis: int | None, corner: tuple[int, int, int, int]) -> Place:
    top, left, height, width = corner
    plane = [n for i, n in enumerate(given.shape) if i != axis]
    flat = torch.zeros(plane, dtype=torch.bool)
    flat[top : top + height, left : left + width] = True
    mask = flat if axis is None else flat.unsqueeze(axis).expand(given.shape).clone()
    edges = [top == 0, left == 0, top + height == plane[0], left + width == plane[1]]
    details: dict[str, object] = {"border": any(edges), "corner": (edges[0] or edges[2]) and (edges[1] or edges[3])}
    return f"{given.id}[{top}:{top + height},{left}:{left + width}]", mask, details


def windows(plane: Plane) -> list[tuple[int, int, int, int]]:
    """Top, left, height and width of windows: the one that holds the most of the plane, one around its highest value, and
    a grid of them that covers the plane to its borders."""
    heaviest = window(plane)
    _, _, tall, wide = heaviest
    height, width = plane.shape
    row, column = np.unravel_index(int(plane.argmax()), plane.shape)
    around = min(max(0, int(row) - tall // 2), height - tall), min(max(0, int(column) - wide // 2), width - wide), tall, wide
    tops, lefts = (np.linspace(0, n - side, -(-n // side)).round().astype(int) for n, side in ((height, tall), (width, wide)))
    grid = [(int(top), int(left), tall, wide) for top in tops for left in lefts]
    return list(dict.fromkeys([heaviest, around, *grid]))


def window(plane: Plane) -> tuple[int, int, int, int]:
    """Top, left, height and width of the window of at most `AREA` of the plane that holds the most."""
    height, width = plane.shape
    side = max(1, int(math.sqrt(AREA * height * width)))
    tall, wide = min(side, height), min(side, width)
    sums = np.pad(plane.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes = sums[tall:, wide:] - sums[:-tall, wide:] - sums[tall:, :-wide] + sums[:-tall, :-wide]
    top, left = np.unravel_index(int(boxes.argmax()), boxes.shape)
    return int(top), int(left), tall, wide


def _padding(subject: Subject, given: Input, rows: Tensor, whole: Level, mass: Plane, batch: int) -> Intervention | None:
    """The padding of a text is filled with symbols of the same text, over and over."""
    if given.embedding is None or len(given.shape) != 1:
        return None
    symbol = getattr(given.embedding, "padding_idx", None)
    if symbol is None:
        return None
    tokens = given.raw[rows]
    empty = tokens == symbol
    if not bool(empty.any()) or bool(empty.all(1).any()):
        return None
    filled = tokens.clone()
    for row, gone in zip(filled, empty, strict=True):
        content = row[~gone]
        row[gone] = content.repeat(len(row) // len(content) + 1)[: int(gone.sum())]
    swapped = [slot[rows].clone() for slot in subject.slots]
    swapped[given.slot] = filled
    found = level(subject, rows, swapped, batch)
    assert found is not None
    noise = float((found.losses - whole.losses).std() / len(rows) ** 0.5)
    spread = whole.prediction.std(0).norm().clamp_min(1e-12)
    change = float((found.prediction - whole.prediction).std(0).norm() / spread)
    share = float((torch.from_numpy(mass) * empty.double().cpu().mean(0)).sum() / mass.sum())
    mean = float(found.losses.mean())
    return Intervention("shuffled", f"{given.id} padding", mean, found.accuracy, change, noise, float(empty.float().mean()), share)


def chance(subject: Subject, rows: Tensor) -> tuple[float, float]:
    """Loss and accuracy of the best constant answer on these samples; NaN where they are not known."""
    if subject.targets is None:
        return math.nan, math.nan
    target = subject.targets[rows]
    if subject.task in ("classification", "sequence") and not target.is_floating_point():
        shares = torch.bincount(target.long().flatten().clamp_min(0)).double() / target.numel()
        shares = shares[shares > 0]
        return float(-(shares * shares.log()).sum()), float(shares.max())
    if subject.task == "binary-classification":
        share = float(target.double().mean())
        entropy = -sum(p * math.log(p) for p in (share, 1 - share) if p > 0)
        return entropy, max(share, 1 - share)
    if subject.task in ("regression", "autoencoder") and subject.loss is not None and subject.loss.name == "mse_loss":
        return float(target.double().var(0, correction=0).mean()), math.nan
    return math.nan, math.nan
