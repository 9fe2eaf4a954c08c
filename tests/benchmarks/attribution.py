"""How often the strongest attribution is right where the truth is known: by method, by captum called by hand, by chance.

    python tests/benchmarks/attribution.py          # three seeds, a table

By hand means captum as its tutorials call it: a baseline of zeros, the predicted class, nothing checked.
"""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).parent))
from truths import TRUTHS, Truth

from diagnose.observe.explain.budget import Budget
from diagnose.observe.explain.calls import Loss, Output, Row, call_of
from diagnose.observe.explain.choice import choose, plane_layer
from diagnose.observe.explain.kinds import settle
from diagnose.observe.explain.measure import unchanged
from diagnose.observe.explain.methods import WAYS, Work
from diagnose.observe.explain.subject import Subject


def share_right(maps: Tensor, right: Tensor) -> float:
    """Share of samples whose place of the largest magnitude is a right one; ties count by their share."""
    size = maps.flatten(1).abs()
    top = size == size.amax(1, keepdim=True)
    return float(((top & right.flatten(1)).sum(1) / top.sum(1)).double().mean())


def ours(truth: Truth) -> dict[str, float]:
    """By method that `diagnose` chooses, the one that findings rest on first."""
    call = call_of(truth.model, (truth.inputs[:2],), {}, None)
    assert not isinstance(call, str)
    rows = [Row([x], y) for x, y in zip(truth.inputs, truth.targets, strict=True)]
    subject = Subject(truth.model, call[0], Output(), Loss(truth.loss.__name__, truth.loss), rows, "net")
    settle(subject)
    with unchanged():
        predictions = subject.predict(torch.arange(len(subject))).detach()
        work = Work(subject, Budget(subject), subject.chosen(predictions), plane_layer(subject))
        told = {}
        for choice in choose(subject):
            if choice.refused is None:
                (maps,) = WAYS[choice.name](work, truth.rows)
                told[choice.name] = share_right(subject.inputs[0].reduced(maps.detach()), truth.right[truth.rows])
    return told


def by_hand(truth: Truth) -> dict[str, float]:
    """Captum's integrated gradients and saliency with their defaults."""
    from captum.attr import IntegratedGradients, LayerIntegratedGradients, Saliency

    x, right = truth.inputs[truth.rows], truth.right[truth.rows]
    rebuilds = truth.targets.is_floating_point() and truth.targets.shape == truth.inputs.shape

    def forward(values: Tensor) -> Tensor:
        out = truth.model(values)
        return (out - values).square().mean(1) if rebuilds else out

    target = None if rebuilds or truth.model(x[:1]).shape[-1] == 1 else truth.model(x).argmax(1)
    if not x.is_floating_point():
        layer = next(m for m in truth.model.modules() if isinstance(m, nn.Embedding))
        maps = LayerIntegratedGradients(truth.model, layer).attribute(x, torch.zeros_like(x), target=target).sum(-1)
        return {"integrated gradients by hand": share_right(maps, right)}
    return {
        "integrated gradients by hand": share_right(IntegratedGradients(forward).attribute(x, target=target), right),
        "saliency by hand": share_right(Saliency(forward).attribute(x.clone().requires_grad_(), target=target), right),
    }


def measured(seeds: int = 3) -> dict[str, dict[str, float]]:
    """Means over seeds, by truth and method."""
    found: dict[str, dict[str, list[float]]] = {}
    for make in TRUTHS:
        for seed in range(seeds):
            truth = make(seed)
            into = found.setdefault(truth.name, {})
            chance = float(truth.right[truth.rows].flatten(1).double().mean())
            for name, value in {**ours(truth), **by_hand(truth), "chance": chance}.items():
                into.setdefault(name, []).append(value)
    return {name: {method: float(np.mean(values)) for method, values in told.items()} for name, told in found.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for name, told in measured().items():
        print(name)
        for method, share in told.items():
            print(f"    {method:<30}{share:6.1%}")
