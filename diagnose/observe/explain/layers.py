"""Which layers carry the decision, and which of their units never matter."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import torch
from torch import Tensor, nn

from diagnose.explanation import LayerShare
from diagnose.observe.explain.methods import Work
from diagnose.observe.networks import is_layer, joined, role_of

STEPS = 12  # of the path: shares are told to two digits
MOST = 1.1  # of the decision: a share of more is an error of the path
IDLE = 0.01  # of the layer's strongest unit: below, a unit never matters for any of the samples


def layer_shares(work: Work, rows: Tensor, most: int) -> list[LayerShare]:
    """The share of the score's change that passes through each layer, by conductance summed over its outputs.

    A layer that everything passes through has 1; a branch beside a residual connection less. A unit is idle if its
    conductance stays under `IDLE` of the strongest unit's for all samples.

    References:
        Dhamdhere et al. 2019, "How important is a neuron?", https://arxiv.org/abs/1805.12233
    """
    subject = work.subject
    whole, empty = work.change(rows)
    total = (whole - empty).abs().mean().clamp_min(1e-9)
    found = []
    for path, layer in _fit(work)[:most]:
        if work.budget.left <= 0:
            break
        try:
            share = math.inf
            for steps in (STEPS, 4 * STEPS):  # more where the shares do not add up
                parts = rows.split(max(1, work.budget.batch // 2))
                maps = torch.cat([_conductance(work, layer, some, steps) for some in parts])
                share = float(maps.flatten(1).sum(1).abs().mean() / total)
                if share < MOST:
                    break
        except (RuntimeError, AssertionError, IndexError):
            continue  # a layer whose output is overwritten or is no function of the inputs: no share can be told
        if len(maps) != len(rows) or share >= MOST:
            continue
        axis = 1 if role_of(layer) in ("convolution", "pooling") or maps.dim() == 4 else maps.dim() - 1
        by_unit = maps.movedim(axis, 1).flatten(2).abs().sum(2) if maps.dim() > 2 else maps.abs()
        strongest = by_unit.amax(0)
        idle = int((strongest <= IDLE * strongest.max().clamp_min(1e-30)).sum())
        found.append(LayerShare(joined(subject.name, path), share, by_unit.shape[1], idle))
    return found


def _conductance(work: Work, layer: nn.Module, rows: Tensor, steps: int) -> Tensor:
    from captum.attr import LayerConductance

    found: Any = LayerConductance(work.forward, layer).attribute(
        tuple(v.requires_grad_() for v in work.values(rows)), work.baselines(len(rows)), additional_forward_args=rows,
        n_steps=steps, method="gausslegendre", internal_batch_size=max(len(rows), work.budget.batch),
    )  # fmt: skip
    one: Tensor = found[0] if isinstance(found, tuple) else found
    return one.detach()


def _fit(work: Work) -> list[tuple[str, nn.Module]]:
    """Layers that run once a pass and answer with one tensor."""
    count: Counter[int] = Counter()
    plain: dict[int, bool] = {}

    def note(module: Any, args: Any, output: Any) -> None:
        count[id(module)] += 1
        one = output[0] if isinstance(output, tuple) and output else output
        plain[id(module)] = isinstance(output, Tensor) and one.dim() >= 2 and len(one) == 1

    layers = [(path, m) for path, m in work.subject.model.named_modules() if path and is_layer(m)]
    handles = [m.register_forward_hook(note) for _, m in layers]
    try:
        with torch.no_grad():
            work.forward(*work.values(torch.arange(1)), torch.arange(1))
    finally:
        for handle in handles:
            handle.remove()
    fit = [(path, m) for path, m in layers if count[id(m)] == 1 and plain[id(m)]]
    return [(path, m) for path, m in fit if role_of(m) not in ("dropout", "reshape", "embedding")]


