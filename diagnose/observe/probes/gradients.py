"""How large the gradients are."""

from __future__ import annotations

import torch
from torch import Tensor

from diagnose.observe.probes import per_parameter, probe

SAMPLE = 4096  # elements per tensor for shares: the standard error of a share is then below 0.8 %


def values_of(gradient: Tensor) -> Tensor:
    """The stored numbers of a dense or sparse gradient."""
    return gradient.coalesce()._values() if gradient.is_sparse else gradient


def as_float(values: Tensor) -> Tensor:
    """Half precision as float32, so that squares do not overflow; float32 and float64 as they are."""
    return values.to(torch.float32) if values.dtype in (torch.float16, torch.bfloat16) else values


@probe(
    event="gradients",
    quantities={
        "gradient_norm": per_parameter("loss per weight"),
        "gradient_zero_share": per_parameter("share"),
        "gradient_row_spread": per_parameter("ratio"),
    },
)
def gradients(gradients: list[Tensor]) -> dict[str, list[Tensor]]:
    """Norm, share of exact zeros and spread over units of each parameter's gradient.

    Args:
        gradients: of the parameters that have one, in forward order; any float dtype, dense or sparse.

    Returns:
        One 0-dim float32 tensor a parameter, on its device. The norm is L2 over all elements; the share of zeros is
        taken on at most 4096 leading elements of each row block; the row spread is ‖G - mean over units‖ / ‖G‖ on at
        most 64 units (NaN for vectors): 0 says that all units of the layer get the same gradient.

    Source: Glorot & Bengio 2010, section 4.3 (norms); Goodfellow et al. 2016, section 8.4 (symmetry).
    """
    flat = [values_of(g.detach()) for g in gradients]
    norms = [torch.linalg.vector_norm(as_float(g)).to(torch.float32) for g in flat]
    zeros = [zero_share(g) for g in flat]
    spreads = [row_spread(g) for g in flat]
    return {"gradient_norm": norms, "gradient_zero_share": zeros, "gradient_row_spread": spreads}


def zero_share(values: Tensor) -> Tensor:
    """Share of exact zeros among at most SAMPLE elements, taken evenly (0-dim float32)."""
    flat = values.reshape(-1)
    if flat.numel() == 0:
        return torch.full((), float("nan"), dtype=torch.float32, device=values.device)
    if flat.numel() > SAMPLE:
        flat = flat[:: flat.numel() // SAMPLE]
    return 1 - torch.count_nonzero(flat).to(torch.float32) / flat.numel()


def row_spread(values: Tensor) -> Tensor:
    """How much the units (rows) of a weight differ: ‖W - mean of rows‖ / ‖W‖, on at most 64 rows × 1024 columns."""
    if values.dim() < 2 or values.shape[0] < 2 or values.numel() == 0:
        return torch.full((), float("nan"), dtype=torch.float32, device=values.device)
    rows = values.detach()[:64].flatten(1)[:, :1024].to(torch.float32)
    spread: Tensor = torch.linalg.vector_norm(rows - rows.mean(0, keepdim=True)) / torch.linalg.vector_norm(rows)
    return spread
