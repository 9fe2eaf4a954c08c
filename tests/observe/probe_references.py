"""What each probe reads, computed slowly and plainly with numpy, in float64, one element after another where that is clearest."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Answer = dict[str, list[Any]]
nan = math.nan


def array(tensor: Tensor) -> Any:
    return tensor.detach().double().numpy()


def row_spread(values: Any) -> float:
    """‖W - mean of rows‖ / ‖W‖."""
    if values.ndim < 2:
        return nan
    rows = values.reshape(values.shape[0], -1)
    middle = sum(rows) / len(rows)
    return math.sqrt(sum(((row - middle) ** 2).sum() for row in rows)) / math.sqrt((rows**2).sum())


def gradients(gradients: Sequence[Tensor]) -> Answer:
    values = [array(g) for g in gradients]
    return {
        "gradient_norm": [math.sqrt(sum(v * v for v in g.flat)) for g in values],
    }


def weights(before: Sequence[Tensor], after: Sequence[Tensor]) -> Answer:
    old, new = [array(t) for t in before], [array(t) for t in after]
    return {
        "weight_norm": [math.sqrt((w**2).sum()) for w in old],
        "update_norm": [math.sqrt(((b - a) ** 2).sum()) for a, b in zip(old, new, strict=True)],
        "weight_row_spread": [row_spread(w) for w in old],
    }


def unit_values(output: Any, first: bool) -> list[Any]:
    """For each unit its values as (samples, positions)."""
    if output.ndim == 1:
        return [output[:, None]]
    if first and output.ndim > 2:
        return [output[:, u].reshape(len(output), -1) for u in range(output.shape[1])]
    return [output[..., u].reshape(len(output), -1) for u in range(output.shape[-1])]


def outputs(
    tensors: Sequence[Tensor], activations: Sequence[str | None], channels_first: Sequence[bool], axes: Sequence[int]
) -> Answer:
    answer: Answer = {}

    def add(name: str, value: Any) -> None:
        answer.setdefault(name, []).append(value)

    for tensor, activation, first, axis in zip(tensors, activations, channels_first, axes, strict=True):
        values = array(tensor)
        low, high = values.min(), values.max()
        add("output_mean", values.mean())
        add("output_std", math.sqrt(((values - values.mean()) ** 2).mean()))
        add("output_min", low)
        add("output_max", high)
        add("output_max_abs", abs(values).max())
        add("zero_share", (values == 0).mean())
        saturated, entropy = nan, nan
        if activation == "sigmoid":
            saturated = (abs(2 * values - 1) > 0.98).mean()
        elif activation == "tanh":
            saturated = (abs(values) > 0.98).mean()
        elif activation == "softmax":
            rows = np.moveaxis(values, axis, -1).reshape(-1, values.shape[axis])
            saturated = np.mean([row.max() > 0.99 for row in rows])
            entropy = np.mean([-(row * np.log(row)).sum() / math.log(len(row)) for row in rows])
        add("saturated_share", saturated)
        add("softmax_entropy", entropy)
        spread = [math.sqrt(np.mean([unit[:, at].var() for at in range(unit.shape[1])])) for unit in unit_values(values, first)]
        add("unit_std", spread)
        add("batch_std", math.sqrt(np.mean(np.square(spread))))
        counts = np.zeros(32)
        single = tensor.detach().float().numpy()
        width = single.max() - single.min()
        for value in single.flat:  # the bin a number falls in is decided in float32, as in the probe
            counts[min(31, int((value - single.min()) / width * np.float32(32)))] += 1
        add("output_histogram", counts)
    return answer


def units(loudest: Sequence[Any], silent: Sequence[Any]) -> Answer:
    """A window of three snapshots is not full after one."""
    return {"dead_share": [nan for _ in loudest]}


def losses(function: str, prediction: Tensor, target: Tensor) -> Answer:
    p, t = array(prediction), array(target)
    answer: dict[str, Any] = {}
    for name, values in (("loss_input", p), ("loss_target", t)):
        answer[f"{name}_min"], answer[f"{name}_max"] = values.min(), values.max()
        answer[f"{name}_mean"], answer[f"{name}_std"] = values.mean(), values.std()
        answer[f"{name}_std_across"] = math.sqrt(values.var(axis=0).mean())
    many = p.ndim > 1 and p.shape[1] > 1
    sums = p.sum(axis=1) if many else None
    answer["loss_input_row_sum"] = sums.mean() if sums is not None else nan
    answer["loss_input_row_sum_error"] = abs(sums - 1).max() if sums is not None else nan
    answer["loss_target_integer_share"] = (t == np.round(t)).mean()
    answer["outside_unit_share"] = ((p <= 0) | (p >= 1)).mean()
    answer |= dict.fromkeys(("loss_accuracy", "label_repeat_share", "class_count", "class_right"), nan)
    if function == "cross_entropy":
        right = t.argmax(axis=1) if t.shape == p.shape else t.astype(int)
        answer["loss_accuracy"] = (p.argmax(axis=1) == right).mean()
        answer["class_count"] = [int((right == c).sum()) for c in range(p.shape[1])]
        answer["class_right"] = [int(((right == c) & (p.argmax(axis=1) == c)).sum()) for c in range(p.shape[1])]
        if right.ndim == 1:
            answer["label_repeat_share"] = np.mean([a == b for a, b in zip(right[1:], right[:-1], strict=True)])
    elif function.startswith("binary"):
        answer["loss_accuracy"] = ((p > 0) == (t > 0.5)).mean()
        answer["class_count"] = [int((t <= 0.5).sum()), int((t > 0.5).sum())]
        answer["class_right"] = [int(((t <= 0.5) & (p <= 0)).sum()), int(((t > 0.5) & (p > 0)).sum())]
        answer["label_repeat_share"] = np.mean([a == b for a, b in zip(t[1:], t[:-1], strict=True)])
    return {name: [value] for name, value in answer.items()}


def inputs(batch: Tensor) -> Answer:
    values = array(batch)
    if values.ndim == 4:
        columns = np.stack([values[:, c].reshape(-1) for c in range(values.shape[1])], axis=1)
    else:
        columns = values.reshape(-1, values.shape[-1]) if values.ndim > 1 else values[:, None]
    return {
        "input_mean": [values.mean()], "input_std": [values.std()], "input_min": [values.min()], "input_max": [values.max()],
        "input_non_finite_share": [0.0], "input_integer_share": [(values == np.round(values)).mean()],
        "input_batch_std": [math.sqrt(values.var(axis=0).mean())],
        "feature_mean": [columns.mean(axis=0)], "feature_std": [columns.std(axis=0)],
        "feature_min": [columns.min(axis=0)], "feature_max": [columns.max(axis=0)],
    }  # fmt: skip


def through_time(layer: nn.RNNBase, sequence: Tensor, output: Tensor) -> Answer:
    """The module itself, called with gradients, one input at a time changed by a little: finite differences."""
    twin = type(layer)(
        layer.input_size, layer.hidden_size, layer.num_layers, batch_first=True, bidirectional=layer.bidirectional, dtype=torch.float64
    )
    twin.load_state_dict({name: value.double() for name, value in layer.state_dict().items()})
    x = sequence.double()
    direction = torch.cos(torch.arange(layer.hidden_size, dtype=torch.float64))

    def last(given: Tensor) -> Tensor:
        with torch.no_grad():
            return (twin(given)[0][:, -1, : layer.hidden_size] * direction).sum()

    small, norms = 1e-6, []
    for t in range(x.shape[1]):
        squares = []
        for n in range(x.shape[0]):
            slope = []
            for f in range(x.shape[2]):
                more, less = x.clone(), x.clone()
                more[n, t, f] += small
                less[n, t, f] -= small
                slope.append(((last(more) - last(less)) / (2 * small)).item())
            squares.append(sum(s * s for s in slope))
        norms.append(math.sqrt(sum(squares) / len(squares)))
    values = array(output)
    sizes = [math.sqrt(np.mean([np.mean(values[n, t] ** 2) for n in range(values.shape[0])])) for t in range(values.shape[1])]
    return {"through_time": [[n / norms[-1] for n in norms]], "state_norm": [sizes], "state_handed_on": [0.0]}


REFERENCES: dict[str, Callable[..., Answer]] = {
    "gradients": gradients, "weights": weights, "outputs": outputs, "units": units, "losses": losses, "inputs": inputs,
    "through_time": through_time,
}  # fmt: skip
