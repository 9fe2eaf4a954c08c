"""What a loss is given: the prediction and the target."""

from __future__ import annotations

import math
from collections.abc import Sequence
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


class Compared(NamedTuple):
    """What a loss compared (None: has no meaning)."""

    inside: Tensor  # share of the prediction's elements between 0 and 1
    sums: Tensor | None  # of the prediction over the classes
    integer: Tensor | float  # share of the target's elements that are whole numbers
    right: Tensor | None  # share of right predictions, where there are no classes
    guess: Tensor | None  # classes; of two the score
    labels: Tensor | None  # classes
    threshold: float | None  # of the score
    classes: int  # 0: nothing to be counted
    ordered: bool  # one label a sample, in the order of the batch


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
    if flat and max(prediction.numel(), target.numel()) <= SMALL and len(prediction) >= len(target):
        return Reading(predicted, wanted, Small(function, prediction.shape, target.shape, not target.is_floating_point()))
    given = _leading(prediction).to(torch.float32)
    target = _leading(target[: given.shape[0]] if target.dim() and prediction.dim() else target)
    return Reading(predicted, wanted, _compared(function, given, target)) if target.numel() else None


def _compared(function: str, given: Tensor, target: Tensor) -> Compared:
    """What `given` (float32) and its target have in common, in tensors of their own: the program may change its."""
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
            right = accuracy(function, given, target)
    return Compared(
        torch.addcmul(given, given, given, value=-1).gt_(0).mean(),
        given.sum(1) if given.dim() > 1 and given.shape[1] > 1 else None,
        (target == target.round()).to(torch.float32).mean() if target.is_floating_point() else 1.0,
        right, guess, labels, None if guess is None else _THRESHOLDS.get(function), classes, ordered,
    )  # fmt: skip


def _on_host(small: Small, prediction: Floats, target: Floats) -> Compared:
    """The same of a loss call whose arguments were sent as they are."""
    wanted = torch.from_numpy(target).view(*small.target)
    given = torch.from_numpy(prediction).view(*small.prediction)
    return _compared(small.function, given, wanted.to(torch.int64) if small.indices else wanted)


_SENT = ("inside", "integer", "right", "sums", "guess", "labels")  # the single numbers behind each other


def gather(readings: Sequence[Reading], columns: Columns) -> Arriving:
    """What is to be sent besides the samples, and what is made of it all."""
    places = [(columns.add(reading.prediction), columns.add(reading.target)) for reading in readings]
    known = [reading.compared for reading in readings]
    tensors = [(at, name, value) for name in _SENT for at, one in enumerate(known)
               if isinstance(one, Compared) and isinstance(value := getattr(one, name), Tensor)]  # fmt: skip
    tensors += [(at, name, getattr(readings[at], name).values) for at, one in enumerate(known) if isinstance(one, Small)
                for name in ("prediction", "target")]  # fmt: skip
    owners = [(at, name) for at, name, _ in tensors]

    def arrange(arrays: Sequence[Floats], summary: Summary) -> Quantities:
        found = dict(zip(_SINGLE, np.full((len(_SINGLE), len(places)), math.nan, np.float32), strict=True))
        came: list[dict[str, Floats]] = [{} for _ in places]
        for (at, name), array in zip(owners, arrays, strict=True):
            came[at][name] = array
        counts = []
        for at, ((prediction, target), compared, own) in enumerate(zip(places, known, came, strict=True)):
            for which, sample in (("loss_input", prediction), ("loss_target", target)):
                found[f"{which}_min"][at], found[f"{which}_max"][at] = summary.low[sample], summary.high[sample]
                found[f"{which}_mean"][at], found[f"{which}_std"][at] = summary.mean[sample], summary.std[sample]
                found[f"{which}_std_across"][at] = summary.across[sample]
            if isinstance(compared, Small):
                compared = _on_host(compared, own["prediction"], own["target"])
                own = {name: value.numpy().reshape(-1) for name, value in compared._asdict().items() if isinstance(value, Tensor)}
            counts.append(_compare(compared, own, at, found))
        return {**found, "class_count": Ragged(np.concatenate(counts), [len(count) for count in counts])}

    return Arriving([value for _, _, value in tensors], arrange, [])


def _compare(compared: Compared, own: dict[str, Floats], at: int, found: dict[str, Floats]) -> Floats:
    """Fills in what came of one call; returns its counts of classes."""
    if compared.threshold is not None:
        own["guess"] = (own["guess"] > compared.threshold).astype(np.float32)
        own["labels"] = (own["labels"] > 0.5).astype(np.float32)
    found["outside_unit_share"][at] = 1 - own["inside"][0]
    found["loss_target_integer_share"][at] = own["integer"][0] if "integer" in own else compared.integer
    if "sums" in own:
        found["loss_input_row_sum"][at] = own["sums"].sum() / own["sums"].size
        found["loss_input_row_sum_error"][at] = np.abs(own["sums"] - 1).max()
    if "right" in own:
        found["loss_accuracy"][at] = own["right"][0]
    if "guess" in own:
        inside = np.count_nonzero(own["labels"] >= 0)  # ignore_index and padding lie outside
        found["loss_accuracy"][at] = np.count_nonzero(own["guess"] == own["labels"]) / inside if inside else math.nan
    if compared.ordered and len(own["labels"]) > 1:
        repeated = np.count_nonzero(own["labels"][1:] == own["labels"][:-1])
        found["label_repeat_share"][at] = repeated / (len(own["labels"]) - 1)
    return _counts(own["labels"], compared.classes) if 0 < compared.classes <= CLASSES else _NOTHING


_NOTHING: Floats = np.full(1, math.nan, np.float32)


def _counts(labels: Floats, classes: int) -> Floats:
    """How many samples of each class there are."""
    inside = labels[(labels >= 0) & (labels < classes)]
    return np.bincount(inside.astype(np.intp), minlength=classes).astype(np.float32)


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
        0-dim float32 tensors (NaN where a quantity has no meaning); `class_count` is a vector (C,), C ≤ 1000.
    """
    reading = measure(function, prediction, target)
    if reading is None:
        return {name: [torch.full((), math.nan, dtype=torch.float32, device="cpu")] for name in losses.quantities}
    return at_once(gather, [reading])


_SINGLE = tuple(name for name in losses.quantities if name != "class_count")


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
        return ((prediction > _THRESHOLDS[function]) == (target > 0.5)).to(torch.float32).mean()
    return None


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
