"""How large the weights are and how far a step moves them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from diagnose.observe.probes import per_parameter, probe
from diagnose.observe.probes.gradients import as_floats, norms
from diagnose.observe.torch_state import Untracked

ROWS, COLUMNS = 64, 1024  # of a weight that are read for the spread of its rows


@probe(
    event="updates",
    quantities={
        "weight_norm": per_parameter("weight"),
        "update_norm": per_parameter("weight"),
        "weight_row_spread": per_parameter("ratio"),
    },
)
def weights(before: list[Tensor], after: list[Tensor], rows: bool = True) -> dict[str, list[Tensor]]:
    """Norms of the weights before a step and of their real change.

    Args:
        before: copies of the parameters as they were when the step's first backward began.
        after: the parameters when the outermost optimizer step has ended, same order and shapes.
        rows: whether the spread of the rows is wanted, which costs a third of it all and changes slowly.

    Returns:
        One 0-dim float32 tensor a parameter: L2 norm of the weight, L2 norm of the change, and
        ‖W - mean over units‖ / ‖W‖ on at most 64 units × 1024 inputs (NaN for vectors and for zero weights): 0 says that
        all units of the layer are the same.

    Source: the update ratio of Karpathy's and Goodfellow's rules of thumb; symmetry: Goodfellow et al. 2016, 8.4.
    """
    with Untracked():
        old = as_floats(before)
        moved = torch._foreach_sub(as_floats(after), old) if old else []
        places = [at for at, w in enumerate(old) if w.dim() > 1 and w.shape[0] > 1 and w.numel()] if rows else []
        units = [_rows(old[at]) for at in places]
        apart = torch._foreach_sub(units, [own.mean(0) for own in units]) if units else []
        sizes = norms([*old, *moved, *apart, *units])
    count, spreads = len(old), torch._foreach_div(sizes[2 * len(old) : -len(units)], sizes[-len(units) :]) if units else []
    found = {"weight_norm": sizes[:count], "update_norm": sizes[count : 2 * count]}
    return {**found, "weight_row_spread": _everywhere(spreads, places, old)} if rows else found


def _everywhere(spreads: Sequence[Tensor], places: list[int], weights: list[Tensor]) -> list[Tensor]:
    """The spread at its places, NaN at the others."""
    if len(places) == len(weights):
        return list(spreads)
    found = [torch.full((), math.nan, dtype=torch.float32, device=weights[0].device)] * len(weights)
    for at, spread in zip(places, spreads, strict=True):
        found[at] = spread
    return found


def _rows(weight: Tensor) -> Tensor:
    """A part of a weight, (units, inputs); on small nets the slices that change nothing would take a third of the time."""
    if weight.shape[0] > ROWS:
        weight = weight[:ROWS]
    if weight.dim() > 2:
        weight = weight.flatten(1)
    if weight.shape[1] > COLUMNS:
        weight = weight[:, :COLUMNS]
    return weight if weight.dtype == torch.float32 else weight.to(torch.float32)
