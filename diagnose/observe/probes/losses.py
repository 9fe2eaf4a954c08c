"""What a loss is given: the prediction and the target."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diagnose.observe.probes import per_loss, probe

SAMPLE = 65536
CLASSIFYING = ("cross_entropy", "nll_loss", "multi_margin_loss")
CLASSES = 1000  # class counts are kept up to this many classes


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
)
def losses(function: str, prediction: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Range, spread and agreement of one loss call's prediction and target.

    Args:
        function: the loss function's name.
        prediction: (N, C, …), (N, …) or (N,), any float dtype; at most 65,536 elements (whole samples) are read.
        target: class indices (N, …), or of the prediction's shape.

    Returns:
        0-dim float32 tensors (NaN where a quantity has no meaning); `class_count` is a vector (C,), C ≤ 1000.
    """
    nothing = torch.full((), math.nan, dtype=torch.float32, device=prediction.device)
    answer = dict.fromkeys(losses.quantities, nothing)
    raw_target = target.detach()
    prediction = _leading(prediction.detach()).to(torch.float32)
    target = raw_target[: prediction.shape[0]] if raw_target.dim() and prediction.dim() else raw_target
    target = _leading(target)
    if prediction.numel() == 0 or target.numel() == 0:
        return answer
    real = target.to(torch.float32)
    _spread(answer, "loss_input", prediction)
    _spread(answer, "loss_target", real)
    if target.is_floating_point():
        answer["loss_target_integer_share"] = (real == real.round()).to(torch.float32).mean()
    else:
        answer["loss_target_integer_share"] = torch.ones((), dtype=torch.float32, device=real.device)
    answer["outside_unit_share"] = 1 - torch.count_nonzero((prediction > 0) & (prediction < 1)).to(torch.float32) / prediction.numel()
    classes = prediction.shape[1] if prediction.dim() > 1 else prediction.shape[0]
    if prediction.dim() > 1 and classes > 1:
        sums = prediction.sum(1)
        answer["loss_input_row_sum"] = sums.mean()
        answer["loss_input_row_sum_error"] = (sums - 1).abs_().amax()
    right = accuracy(function, prediction, target)
    if right is not None:
        answer["loss_accuracy"] = right
    if function in CLASSIFYING:
        _classes(answer, prediction, target, classes)
    elif function.startswith("binary_cross_entropy") and (
        prediction.shape == real.shape and prediction.numel() == prediction.shape[0]
    ):
        labels = (real > 0.5).reshape(-1)
        ones = labels.to(torch.float32).sum()
        answer["class_count"] = torch.stack((labels.numel() - ones, ones))
        answer["label_repeat_share"] = _repeats(labels)
    return answer


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
    if function.startswith("binary_cross_entropy") and prediction.shape == target.shape:
        threshold = 0.5 if function == "binary_cross_entropy" else 0.0
        return ((prediction > threshold) == (target > 0.5)).to(torch.float32).mean()
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


def _spread(answer: dict[str, Tensor], name: str, values: Tensor) -> None:
    flat = values.reshape(-1)
    answer[f"{name}_min"], answer[f"{name}_max"] = torch.aminmax(flat)
    answer[f"{name}_mean"] = mean = flat.mean()
    centred = flat - mean
    answer[f"{name}_std"] = deviation = (torch.dot(centred, centred) / flat.numel()).sqrt_()
    if values.shape[0] > 1:
        if values.numel() > values.shape[0]:
            apart = (values - values.mean(0)).reshape(-1)
            deviation = (torch.dot(apart, apart) / flat.numel()).sqrt_()
        answer[f"{name}_std_across"] = deviation


def _classes(answer: dict[str, Tensor], prediction: Tensor, target: Tensor, classes: int) -> None:
    found = _labels(prediction, target)
    if found is None:
        return
    labels = found.reshape(-1).to(torch.int64)
    if classes <= CLASSES:
        inside = ((labels >= 0) & (labels < classes)).to(torch.float32)
        counts = torch.zeros(classes, dtype=torch.float32, device=labels.device)
        answer["class_count"] = counts.scatter_add_(0, labels.clamp(0, classes - 1), inside)
    if found.dim() == 1:
        answer["label_repeat_share"] = _repeats(labels)


def _repeats(labels: Tensor) -> Tensor:
    if labels.numel() < 2:
        return torch.full((), math.nan, dtype=torch.float32, device=labels.device)
    return (labels[1:] == labels[:-1]).to(torch.float32).mean()
