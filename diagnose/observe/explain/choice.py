"""Which methods fit a model and its inputs, with the reason of each; which would lie, with the reason and a substitute."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from diagnose.errors import UsageError
from diagnose.observe.explain.lifted import unfit_for_deep_lift
from diagnose.observe.explain.methods import COMPLETE, WAYS
from diagnose.observe.explain.subject import Subject

FEW = 32  # features up to which Shapley values by 25 permutations cost less than a thousand passes
GRADIENTS = ("integrated-gradients", "grad-cam", "deep-lift", "input-x-gradient", "saliency")


@dataclass(frozen=True)
class Choice:
    """A method and why; `refused` says why not, `instead` what fits."""

    name: str
    why: str
    refused: str | None = None
    instead: str | None = None


def choose(subject: Subject, asked: str | None = None) -> list[Choice]:
    """The methods, the one that the findings rest on first.

    Args:
        asked: the name of the one method wanted; None: those that fit.

    Raises:
        UsageError: there is no such method.
    """
    if asked is not None and asked not in WAYS:
        raise UsageError(f"expected a method of {', '.join(WAYS)}, found {asked!r}")
    blocked = undifferentiable(subject)
    wanted = [Choice(asked, "asked for")] if asked else _fitting(subject, blocked)
    found = [_guarded(one, subject, blocked) for one in wanted]
    if asked and found[0].refused:
        found.insert(0, Choice(found[0].instead or "feature-ablation", f"in place of {asked}"))
    return sorted(found, key=lambda one: one.refused is not None)


def _fitting(subject: Subject, blocked: str | None) -> list[Choice]:
    kinds = {given.kind for given in subject.inputs}
    features = sum(int(torch.tensor(given.shape).prod()) for given in subject.inputs)
    recurrent = any(isinstance(m, nn.RNNBase) for m in subject.model.modules())
    attention = any(isinstance(m, nn.MultiheadAttention) for m in subject.model.modules())
    if "tokens" in kinds:
        why = "symbols have no gradient: their embeddings are attributed, summed over the width"
    elif recurrent:
        why = "the gradients of all times at once, in evaluation mode"
    elif subject.task == "autoencoder":
        why = "shares out the reconstruction error among the values that cause it; the sum can be checked"
    else:
        why = "differentiable in every input; the maps sum to the change of the output, so that they can be checked"
    if attention:
        why += "; attention weights say where is looked, not what counts (Jain & Wallace 2019)"
    found = [Choice("integrated-gradients", why)]
    if kinds & {"image", "series"} or ("tokens" in kinds and features > FEW):
        found.append(Choice("occlusion", "needs no gradient: a second opinion, coarser"))
    if "image" in kinds and plane_layer(subject) is not None:
        found.append(Choice("grad-cam", "shows what the last convolution found, and where"))
    if kinds <= {"tabular", "tokens"} and features <= 4 * FEW:
        found.append(Choice("feature-ablation", "sets one feature after the other to its baseline: the plainest check"))
    if kinds == {"tabular"} and features <= FEW:
        found.append(Choice("shapley-sampling", f"{features} features are few enough: shares the effect of features that work together"))
    if blocked is not None and all(one.name in GRADIENTS for one in found):
        found.append(Choice("feature-ablation", "needs no gradient"))
    return found


def _guarded(one: Choice, subject: Subject, blocked: str | None) -> Choice:
    """Refused where its numbers would be wrong without a word."""
    if one.name in GRADIENTS and blocked is not None:
        large = any(given.kind in ("image", "series") for given in subject.inputs)
        return Choice(one.name, one.why, blocked, "occlusion" if large else "feature-ablation")
    if one.name == "deep-lift":
        unfit = unfit_for_deep_lift(subject)
        if unfit is not None:
            return Choice(one.name, one.why, unfit, "integrated-gradients")
    if one.name == "grad-cam":
        if not any(given.kind == "image" for given in subject.inputs) or plane_layer(subject) is None:
            return Choice(one.name, one.why, "there is no convolution whose maps keep the plane of an image", "occlusion")
        if len(subject.inputs) > 1:
            return Choice(one.name, one.why, "several inputs share one map", "integrated-gradients")
    return one


def undifferentiable(subject: Subject) -> str | None:
    """Why no gradient leads from the output to the inputs; None where one does."""
    rows = torch.arange(min(4, len(subject)))
    values = [given.values(rows).requires_grad_() for given in subject.inputs]
    try:
        with torch.enable_grad():
            output = subject.predict(rows, values)
            if not output.requires_grad:
                return "the output does not depend on the input by a path that can be differentiated"
            found = torch.autograd.grad(output.sum(), values, allow_unused=True)
    except (RuntimeError, NotImplementedError) as error:
        return f"its gradient cannot be computed: {str(error).splitlines()[0][:200]}"
    if all(gradient is None or not bool(gradient.abs().sum() > 0) for gradient in found):
        return "the gradient is zero everywhere: the path is cut, or made of steps"
    return None


def plane_layer(subject: Subject) -> nn.Module | None:
    """The last convolution that runs once, is not overwritten in place, and leaves a plane of several pixels."""
    shapes: dict[int, Tensor] = {}
    versions: dict[int, int] = {}
    count: Counter[int] = Counter()

    def note(module: Any, args: Any, output: Any) -> None:
        count[id(module)] += 1
        shapes[id(module)] = output
        versions[id(module)] = output._version

    layers = [m for m in subject.model.modules() if isinstance(m, nn.Conv2d)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        with torch.no_grad():
            subject.predict(torch.arange(1))
    finally:
        for handle in handles:
            handle.remove()
    fit = [
        layer for layer in layers
        if count[id(layer)] == 1 and min(shapes[id(layer)].shape[-2:]) > 1 and shapes[id(layer)]._version == versions[id(layer)]
    ]  # fmt: skip
    return fit[-1] if fit else None


def sums(name: str) -> bool:
    """Whether a method's maps must sum to the change of the output."""
    return name in COMPLETE


