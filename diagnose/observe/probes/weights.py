"""How large the weights are and how far a step moves them."""

from __future__ import annotations

import torch
from torch import Tensor

from diagnose.observe.probes import per_parameter, probe
from diagnose.observe.probes.gradients import as_float, row_spread


@probe(
    event="updates",
    quantities={
        "weight_norm": per_parameter("weight"),
        "update_norm": per_parameter("weight"),
        "weight_row_spread": per_parameter("ratio"),
    },
)
def weights(before: list[Tensor], after: list[Tensor]) -> dict[str, list[Tensor]]:
    """Norms of the weights before a step and of their real change.

    Args:
        before: copies of the parameters as they were when the step's first backward began.
        after: the parameters when the outermost optimizer step has ended, same order and shapes.

    Returns:
        One 0-dim float32 tensor a parameter: L2 norm of the weight, L2 norm of the change, and
        ‖W - mean over units‖ / ‖W‖ (NaN for vectors and for zero weights).

    Source: the update ratio of Karpathy's and Goodfellow's rules of thumb; symmetry: Goodfellow et al. 2016, 8.4.
    """
    norms = [torch.linalg.vector_norm(as_float(old)).to(torch.float32) for old in before]
    moved = [
        torch.linalg.vector_norm(as_float(new.detach() - old)).to(torch.float32)
        for old, new in zip(before, after, strict=True)
    ]
    return {"weight_norm": norms, "update_norm": moved, "weight_row_spread": [row_spread(old) for old in before]}
