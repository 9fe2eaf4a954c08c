"""`diagnose.explain`: the attribution of a network in one's own code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from diagnose.errors import UsageError
from diagnose.explanation import Explanation
from diagnose.observe.explain.budget import SECONDS
from diagnose.observe.explain.calls import Call, Loss, Output, Row, by_sample, call_of
from diagnose.observe.explain.measure import SAMPLES, explained
from diagnose.observe.explain.subject import CannotExplain, Subject

FUNCTIONS = {  # loss modules by the function they call: its name tells what the outputs mean
    "CrossEntropyLoss": "cross_entropy", "NLLLoss": "nll_loss", "MSELoss": "mse_loss", "L1Loss": "l1_loss",
    "SmoothL1Loss": "smooth_l1_loss", "HuberLoss": "huber_loss", "BCELoss": "binary_cross_entropy",
    "BCEWithLogitsLoss": "binary_cross_entropy_with_logits",
}  # fmt: skip


def explain(
    model: nn.Module,
    inputs: Any,
    targets: Any = None,
    *,
    loss: Callable[..., Any] | None = None,
    method: str | None = None,
    samples: int = SAMPLES,
    target: int | None = None,
    training: tuple[Any, Any] | None = None,
    names: Sequence[str] = (),
    name: str | None = None,
    seconds: float = SECONDS,
) -> Explanation:
    """What a network looks at, with figures that say how far that can be believed.

    Args:
        model: left as it is; a copy in evaluation mode is explained.
        inputs: (samples, …) tensor or array; a tuple of them for several positional arguments; a mapping for keyword
            arguments.
        targets: (samples, …) tensor or array; without them nothing is said about losses.
        loss: a function of prediction and target; by default cross entropy for whole numbers, else the mean squared error.
        method: integrated-gradients, occlusion, grad-cam, feature-ablation, shapley-sampling, deep-lift, input-x-gradient or
            saliency; by default those that fit.
        samples: how many get maps of their own: the worst, the best and ordinary ones between.
        target: the output to explain; by default the predicted class, or the one output.
        training: inputs and targets that the model was trained on, to compare their losses.
        names: of the features of a table.
        name: of the network; by default its class.
        seconds: of processor time that it may take; what does not fit is left out, and told in `notes`.

    Returns:
        An explanation; its `findings` are those of the rules of the family attribution.

    Raises:
        CannotExplain: nothing can be explained, and why.
        UsageError: something that is asked for does not exist or does not fit.
    """
    if not isinstance(model, nn.Module):
        raise UsageError(f"expected a Module to explain, found {type(model).__name__}")
    if samples < 1:
        raise UsageError(f"expected at least one sample, got {samples}")
    call, rows = _called(model, inputs, targets)
    given = None if loss is None else named_loss(loss)
    shown = name or type(model).__name__
    subject = Subject(model, call, Output(), given, rows, shown, target)
    seen: list[Row] = [] if training is None else _called(model, *training)[1]
    data = f"{len(rows):,} samples that were given"
    return explained(subject, data=data, training_rows=seen, method=method, samples=samples, names=names, seconds=seconds)


def named_loss(loss: Callable[..., Any]) -> Loss:
    """A loss function or module, known by the name of the function."""
    named = getattr(loss, "__name__", FUNCTIONS.get(type(loss).__name__, type(loss).__name__))
    return Loss(named, _plain(loss))


def _called(model: nn.Module, inputs: Any, targets: Any) -> tuple[Call, list[Row]]:
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = {}
    if isinstance(inputs, Mapping):
        kwargs = {key: _tensor(value, key) for key, value in inputs.items()}
    elif isinstance(inputs, tuple):
        args = tuple(_tensor(value, f"input {i}") for i, value in enumerate(inputs))
    else:
        args = (_tensor(inputs, "inputs"),)
    made = call_of(model, args, kwargs, None)
    if isinstance(made, str):
        raise CannotExplain(f"{type(model).__name__} cannot be explained: {made}")
    call, tensors = made
    amount = len(tensors[0])
    if targets is not None:
        wanted = _tensor(targets, "targets")
        split = by_sample(wanted, amount, call.axis) if wanted.dim() else None
        if split is None:
            raise UsageError(f"expected a target for each of {amount} samples, found {tuple(wanted.shape)}")
    rows = [Row([t[i] for t in tensors], None if targets is None else split[i]) for i in range(amount)]  # type: ignore[index]
    return call, rows


def _tensor(value: Any, name: str) -> Tensor:
    if isinstance(value, Tensor):
        return value.detach()
    try:
        made = torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError):
        raise UsageError(f"expected {name} to be a tensor or an array, found {type(value).__name__}") from None
    return made.float() if made.dtype == torch.float64 else made


def _plain(loss: Callable[..., Any]) -> Callable[..., Any]:
    """A loss module as the function that it calls, so that it can be asked for each sample."""
    if not isinstance(loss, nn.Module):
        return loss

    def each(prediction: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
        own = vars(loss)
        was = own.get("reduction")
        try:
            if was is not None:
                own["reduction"] = reduction
            found: Tensor = loss(prediction, target)
        finally:
            if was is not None:
                own["reduction"] = was
        return found

    return each
