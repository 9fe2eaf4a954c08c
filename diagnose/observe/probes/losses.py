"""What a loss is given: the prediction and the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from math import prod
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from diagnose.observe.probes import Arriving, Quantities, Ragged, at_once, per_loss, probe
from diagnose.observe.probes.columns import Columns, Floats, Sample, Summary
from diagnose.observe.probes.outputs import sample_of

SAMPLE = 65536  # elements (whole samples) of which rows are summed and classes counted
SMALL = 4096  # elements that are sent as they are, and all arithmetic left to the host
CLASSIFYING = ("cross_entropy", "nll_loss", "multi_margin_loss")
_THRESHOLDS = {"binary_cross_entropy": 0.5, "binary_cross_entropy_with_logits": 0.0}  # above: the second of two classes
CLASSES = 1000  # class counts are kept up to this many classes


class Terms(NamedTuple):
    """How two things were compared: the same at every call of one shape."""

    threshold: float | None  # of the score
    classes: int  # 0: nothing to be counted
    ordered: bool  # one label a sample, in the order of the batch


class Compared(NamedTuple):
    """What a loss compared (None: has no meaning)."""

    inside: Tensor  # share of the prediction's elements between 0 and 1
    sums: Tensor | None  # of the prediction over the classes
    integer: Tensor | None  # share of the target's elements that are whole numbers; None: all, for their type has no others
    right: Tensor | None  # share of right predictions, where there are no classes
    guess: Tensor | None  # classes; of two the score
    labels: Tensor | None  # classes
    terms: Terms


class Small(NamedTuple):
    """How to see again on the host what was sent as it is."""

    function: str
    prediction: Sequence[int]  # shape
    target: Sequence[int]
    indices: bool  # whether the target's numbers were of an integer type


class Reading(NamedTuple):
    """One loss call, read while its arguments are there."""

    prediction: Sample
    target: Sample
    compared: Compared | Small


def measure(function: str, prediction: Tensor, target: Tensor) -> Reading | None:
    """Reads one loss call; None where there is nothing to be read."""
    prediction, target = prediction.detach(), target.detach()
    if not prediction.numel() or not target.numel():
        return None
    predicted, wanted = sample_of(prediction), sample_of(target)
    flat = prediction.dim() in (1, 2) and target.dim() in (1, 2)  # samples of others have their elements in another order
    flat = flat and not (prediction.dim() == 1 and function in CLASSIFYING)  # its axis is the classes'
    if flat and max(prediction.numel(), target.numel()) <= SMALL and len(prediction) >= len(target):
        return Reading(predicted, wanted, Small(function, prediction.shape, target.shape, not target.is_floating_point()))
    given = _leading(prediction).to(torch.float32)
    target = _leading(target[: given.shape[0]] if target.dim() and prediction.dim() else target)
    return Reading(predicted, wanted, _compared(function, given, target)) if target.numel() else None


def _compared(function: str, given: Tensor, target: Tensor, calls: int = 1) -> Compared:
    """What `given` (float32) and its target have in common, in tensors of their own: the program may change its.

    Of several `calls` of one shape, whose samples lie behind each other, the shares are (calls,).
    """
    right = guess = labels = None
    classes, ordered = 0, False
    if function in CLASSIFYING:
        labels = _labels(given, target)
        if labels is not None:
            guess, labels = given.argmax(1 if given.dim() > 1 else 0), labels.to(torch.float32, copy=True)
            classes, ordered = given.shape[1] if given.dim() > 1 else given.shape[0], labels.dim() == 1
    elif function in _THRESHOLDS and given.shape == target.shape:
        if given.numel() == given.shape[0]:
            guess, labels, classes, ordered = given.clone(), target.to(torch.float32, copy=True), 2, True
        else:
            right = _share(_agree(function, given, target), calls)
    return Compared(
        _share(torch.addcmul(given, given, given, value=-1).gt_(0), calls),
        given.sum(1) if given.dim() > 1 and given.shape[1] > 1 else None,
        _share(target == target.round(), calls) if target.is_floating_point() else None,
        right, guess, labels, Terms(None if guess is None else _THRESHOLDS.get(function), classes, ordered),
    )  # fmt: skip


def _share(found: Tensor, calls: int) -> Tensor:
    """Of each call's elements."""
    values = found.to(torch.float32)
    return values.mean() if calls == 1 else values.view(calls, -1).mean(1)


def _on_host(small: Small, prediction: Floats, target: Floats) -> tuple[Terms, dict[str, Floats]]:
    """The same of loss calls whose arguments were sent as they are, (…, numbers)."""
    calls = prediction.size // prod(small.prediction)
    wanted = torch.from_numpy(np.ascontiguousarray(target)).view(-1, *small.target[1:])
    given = torch.from_numpy(np.ascontiguousarray(prediction)).view(-1, *small.prediction[1:])
    compared = _compared(small.function, given, wanted.to(torch.int64) if small.indices else wanted, calls)
    lead = prediction.shape[:-1]
    tensors = {name: value for name, value in zip(_SENT, _sent(compared), strict=True) if value is not None}
    return compared.terms, {name: value.numpy().reshape(*lead, -1) for name, value in tensors.items()}


_SENT = ("inside", "integer", "right", "sums", "guess", "labels")  # the single numbers behind each other
_sent = attrgetter(*_SENT)


def gather(readings: Sequence[Reading], columns: Columns) -> Arriving:
    """What is to be sent besides the samples, and what is made of it all."""
    places = [(columns.add(reading.prediction), columns.add(reading.target)) for reading in readings]
    known = [reading.compared for reading in readings]
    tensors = [(at, name, value) for name in _SENT for at, one in enumerate(known)
               if isinstance(one, Compared) and (value := getattr(one, name)) is not None]  # fmt: skip
    tensors += [(at, name, getattr(readings[at], name).values) for at, one in enumerate(known) if isinstance(one, Small)
                for name in ("prediction", "target")]  # fmt: skip
    static = [one if isinstance(one, Small) else one.terms for one in known]
    arrange = _Arrange(tuple(places), tuple([(at, name) for at, name, _ in tensors]), tuple(static))
    return Arriving([value for _, _, value in tensors], arrange, [])


class _Arrange(NamedTuple):
    """Makes quantities of the samples of each call's prediction and target, and of what they were found to have in common."""

    places: tuple[tuple[int, int], ...]  # numbers of the two samples
    owners: tuple[tuple[int, str], ...]  # of each vector that was sent: which call, what it is
    known: tuple[Terms | Small, ...]  # of each call

    def __call__(self, arrays: Sequence[Floats], summary: Summary) -> Quantities:
        lead = summary.low.shape[:-1]
        found = dict(zip(_SINGLE, np.full((len(_SINGLE), *lead, len(self.places)), math.nan, np.float32), strict=True))
        came: list[dict[str, Floats]] = [{} for _ in self.places]
        for (at, name), array in zip(self.owners, arrays, strict=True):
            came[at][name] = array
        counts: dict[str, list[Floats]] = {name: [] for name in _BY_CLASS}
        for at, ((prediction, target), terms, own) in enumerate(zip(self.places, self.known, came, strict=True)):
            for which, sample in (("loss_input", prediction), ("loss_target", target)):
                for name, values in (("min", summary.low), ("max", summary.high), ("mean", summary.mean), ("std", summary.std)):
                    found[f"{which}_{name}"][..., at] = values[..., sample]
                found[f"{which}_std_across"][..., at] = summary.across[..., sample]
            if isinstance(terms, Small):
                terms, own = _on_host(terms, own["prediction"], own["target"])
            for name, count in zip(_BY_CLASS, _compare(terms, own, at, found), strict=True):
                counts[name].append(count)
        by_class = {name: Ragged(np.concatenate(own, -1), [count.shape[-1] for count in own]) for name, own in counts.items()}
        return {**found, **by_class}


def _compare(terms: Terms, own: dict[str, Floats], at: int, found: dict[str, Floats]) -> tuple[Floats, Floats]:
    """Fills in what came of one call; returns its counts of classes, and of those that were told right."""
    if terms.threshold is not None:
        own["guess"] = (own["guess"] > terms.threshold).astype(np.float32)
        own["labels"] = (own["labels"] > 0.5).astype(np.float32)
    found["outside_unit_share"][..., at] = 1 - own["inside"][..., 0]
    found["loss_target_integer_share"][..., at] = own["integer"][..., 0] if "integer" in own else 1.0
    if "sums" in own:
        found["loss_input_row_sum"][..., at] = own["sums"].sum(-1) / own["sums"].shape[-1]
        found["loss_input_row_sum_error"][..., at] = np.abs(own["sums"] - 1).max(-1)
    if "right" in own:
        found["loss_accuracy"][..., at] = own["right"][..., 0]
    if "guess" in own:
        inside = np.count_nonzero(own["labels"] >= 0, -1)  # ignore_index and padding lie outside
        found["loss_accuracy"][..., at] = np.divide(np.count_nonzero(own["guess"] == own["labels"], -1), inside)  # of none: NaN
    if terms.ordered and own["labels"].shape[-1] > 1:
        repeated = np.count_nonzero(own["labels"][..., 1:] == own["labels"][..., :-1], -1)
        found["label_repeat_share"][..., at] = repeated / (own["labels"].shape[-1] - 1)
    if 0 < terms.classes <= CLASSES:
        right = np.where(own["guess"] == own["labels"], own["labels"], np.float32(-1))
        return _counts(own["labels"], terms.classes), _counts(right, terms.classes)
    none = np.full((*own["inside"].shape[:-1], 1), math.nan, np.float32)
    return none, none


def _counts(labels: Floats, classes: int) -> Floats:
    """How many samples of each class there are, (…, classes)."""
    lead = labels.shape[:-1]
    rows = labels.reshape(-1, labels.shape[-1])
    call, sample = np.nonzero((rows >= 0) & (rows < classes))
    places = rows[call, sample].astype(np.intp) + call * classes
    return np.bincount(places, minlength=len(rows) * classes).reshape(*lead, classes).astype(np.float32)


@probe(
    event="losses",
    quantities={
        "loss_input_min": per_loss("output"),
        "loss_input_max": per_loss("output"),
        "loss_input_mean": per_loss("output"),
        "loss_input_std": per_loss("output"),
        "loss_input_row_sum": per_loss("output"),
        "loss_input_row_sum_error": per_loss("output"),
        "loss_input_std_across": per_loss("output"),
        "loss_target_min": per_loss("target"),
        "loss_target_max": per_loss("target"),
        "loss_target_mean": per_loss("target"),
        "loss_target_std": per_loss("target"),
        "loss_target_std_across": per_loss("target"),
        "loss_target_integer_share": per_loss("share"),
        "loss_accuracy": per_loss("share"),
        "outside_unit_share": per_loss("share"),
        "label_repeat_share": per_loss("share"),
        "class_count": per_loss("samples", ragged=True),
        "class_right": per_loss("samples", ragged=True),
    },
    measure=measure,
    gather=gather,
)
def losses(function: str, prediction: Tensor, target: Tensor) -> dict[str, list[Tensor]]:
    """Range, spread and agreement of one loss call's prediction and target.

    Args:
        function: the loss function's name.
        prediction: (N, C, …), (N, …) or (N,), any float dtype; at most 65,536 elements (whole samples) are read.
        target: class indices (N, …), or of the prediction's shape.

    Returns:
        0-dim float32 tensors (NaN where a quantity has no meaning); `class_count` and `class_right`, how many samples
        there are of each class and how many of them are told right, are vectors (C,), C ≤ 1000.
    """
    reading = measure(function, prediction, target)
    if reading is None:
        return {name: [torch.full((), math.nan, dtype=torch.float32, device="cpu")] for name in losses.quantities}
    return at_once(gather, [reading])


_BY_CLASS = ("class_count", "class_right")
_SINGLE = tuple(name for name in losses.quantities if name not in _BY_CLASS)


def accuracy(function: str, prediction: Tensor, target: Tensor) -> Tensor | None:
    """Share of right predictions, 0-dim float32; None where a loss function has no such thing.

    Args:
        function: the loss function's name.
        prediction: (N, C, …) scores for classes, or probabilities or logits of the target's shape.
        target: (N, …) class indices, or 0/1 of the prediction's shape.
    """
    if function in CLASSIFYING:
        labels = _labels(prediction, target)
        if labels is None:
            return None
        guess = prediction.argmax(1 if prediction.dim() > 1 else 0)
        inside = (labels >= 0).to(torch.float32)  # ignore_index and padding lie outside
        return ((guess == labels).to(torch.float32) * inside).sum() / inside.sum()
    if function in _THRESHOLDS and prediction.shape == target.shape:
        return _agree(function, prediction, target).to(torch.float32).mean()
    return None


def _agree(function: str, scores: Tensor, target: Tensor) -> Tensor:
    """Where a score and its target lie on the same side."""
    return (scores > _THRESHOLDS[function]) == (target > 0.5)


def _labels(prediction: Tensor, target: Tensor) -> Tensor | None:
    axis = 1 if prediction.dim() > 1 else 0
    if target.dtype.is_floating_point:
        if target.shape != prediction.shape:
            return None
        target = target.argmax(axis)
    expected = prediction.shape[:axis] + prediction.shape[axis + 1 :]
    return target if target.shape == expected else None


def _leading(tensor: Tensor) -> Tensor:
    """Whole leading samples, at most SAMPLE elements."""
    if tensor.dim() == 0:
        return tensor.reshape(1)
    if tensor.numel() <= SAMPLE:
        return tensor
    return tensor[: max(2, SAMPLE // max(1, tensor[0].numel()))]
