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
from torch import Tensor

from diagnose.explanation import Intervention
from diagnose.observe.explain.padding import filled, relaid
from diagnose.observe.explain.places import Place, Plane, columns, parts_of_image
from diagnose.observe.explain.subject import Input, Subject, spread

LEAST = 16  # samples: fewer say nothing about a distribution


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


@dataclass(frozen=True)
class Sizes:
    """How much is tried: samples on which the windows of an image are compared, exchanges that are averaged, samples at once."""

    screened: int = 128
    rounds: int = 3
    batch: int = 512


def interventions(
    subject: Subject, rows: Tensor, importance: Mapping[str, Plane], whole: Level, sizes: Sizes,
    single: tuple[Tensor, Mapping[str, Tensor]],
) -> list[Intervention]:  # fmt: skip
    """Every exchange that the rules want to know of.

    Args:
        rows: samples, (rows,), and `whole`, how well they do as they are.
        importance: mean magnitude of the maps, by input.
        single: numbers of some samples, and the magnitudes of their maps, (samples, …) by input.
    """
    from diagnose.observe.explain.moving import moved_marks

    if len(rows) < LEAST:
        return []
    found = []
    for given in subject.inputs:
        everything = torch.ones(given.shape, dtype=torch.bool)
        found.append(_exchanged(subject, rows, given, everything, "shuffled", given.id, whole, sizes))
        mass = importance.get(given.id)
        if mass is None or not mass.sum() > 0:
            continue
        for place in _places(subject, rows, given, mass, whole, sizes):
            share, size = float(mass[place.mask.numpy()].sum() / mass.sum()), float(place.mask.float().mean())
            for what, exchanged in (("shuffled", place.mask), ("alone", ~place.mask)):
                one = _exchanged(subject, rows, given, exchanged, what, place.name, whole, sizes)
                found.append(replace(one, mass=share, size=size, details=place.details))
        if given.kind == "image":
            found += moved_marks(subject, single[0], given, single[1][given.id], sizes.rounds, sizes.batch)
        found += _padding(subject, given, rows, whole, sizes, single)
    return found


def _exchanged(
    subject: Subject, rows: Tensor, given: Input, mask: Tensor, what: str, place: str, whole: Level, sizes: Sizes
) -> Intervention:
    """The values in `mask` (of a sample's shape) come from another sample each; with "alone", all other inputs too."""
    generator = torch.Generator().manual_seed(0)
    losses, accuracies, changes = [], [], []
    for _ in range(sizes.rounds):
        order = torch.randperm(len(rows), generator=generator)
        own = subject.slots[given.slot][rows]
        swapped = [slot[rows][order] if what == "alone" else slot[rows] for slot in subject.slots]
        swapped[given.slot] = torch.where(mask.to(own.device), own[order], own)
        found = level(subject, rows, swapped, sizes.batch)
        assert found is not None
        losses.append(found.losses)
        accuracies.append(found.accuracy)
        changes.append(float((found.prediction - whole.prediction).std(0).norm() / spread_of(whole)))
    mean = torch.stack(losses).mean(0)
    noise = float((mean - whole.losses).std() / len(rows) ** 0.5)
    accuracy = float(np.mean(accuracies))
    return Intervention(what, place, float(mean.mean()), accuracy, float(np.mean(changes)), noise)


def spread_of(whole: Level) -> Tensor:
    """How far the outputs lie apart: what changes of them are told in."""
    spread: Tensor = whole.prediction.std(0).norm().clamp_min(1e-12)
    return spread


def _places(subject: Subject, rows: Tensor, given: Input, mass: Plane, whole: Level, sizes: Sizes) -> Iterator[Place]:
    if given.kind == "tabular" and len(given.shape) == 1 and given.shape[0] > 1:
        yield from columns(subject, given, mass, rows)
    elif given.kind == "image":
        some = rows[spread(len(rows), sizes.screened)]
        before = level(subject, some, batch=sizes.batch) or whole

        def cost(one: Place) -> float:
            return _exchanged(subject, some, given, one.mask, "shuffled", one.name, before, replace(sizes, rounds=1)).loss

        yield from parts_of_image(given, mass, cost)


def _padding(
    subject: Subject, given: Input, rows: Tensor, whole: Level, sizes: Sizes, single: tuple[Tensor, Mapping[str, Tensor]]
) -> list[Intervention]:
    """The padding of a text is filled with symbols of the same text; and is kept while the texts are exchanged."""
    if given.padding is None:
        return []
    tokens = given.raw[rows]
    empty = tokens == given.padding
    if not bool(empty.any()) or bool(empty.all(1).any()):
        return []
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))
    maps, there = single[1][given.id], given.raw[single[0]] == given.padding
    mass, size = float((maps * there).sum() / maps.sum().clamp_min(1e-30)), float(empty.float().mean())
    told = []
    for what, changed in (("shuffled", filled(tokens, empty)), ("alone", relaid(tokens, empty, order))):
        swapped = [slot[rows].clone() for slot in subject.slots]
        swapped[given.slot] = changed
        found = level(subject, rows, swapped, sizes.batch)
        assert found is not None
        noise = float((found.losses - whole.losses).std() / len(rows) ** 0.5)
        change = float((found.prediction - whole.prediction).std(0).norm() / spread_of(whole))
        told.append(
            Intervention(what, f"{given.id} padding", float(found.losses.mean()), found.accuracy, change, noise, size, mass)
        )
    return told


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
