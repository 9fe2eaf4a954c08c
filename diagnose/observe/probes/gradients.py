"""How large the gradients are."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from diagnose.observe.probes import per_parameter, probe


def values_of(gradient: Tensor) -> Tensor:
    """The stored numbers of a dense or sparse gradient."""
    return gradient.coalesce()._values() if gradient.is_sparse else gradient


def as_float(values: Tensor) -> Tensor:
    """Half precision as float32, so that squares do not overflow; float32 and float64 as they are."""
    return values.to(torch.float32) if values.dtype in (torch.float16, torch.bfloat16) else values


def norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """L2 norm of each tensor, 0-dim float32, in one pass over all of them."""
    if not tensors:
        return []
    return [norm if norm.dtype == torch.float32 else norm.to(torch.float32) for norm in torch._foreach_norm([as_float(t) for t in tensors])]


@probe(event="gradients", quantities={"gradient_norm": per_parameter("loss per weight")})
def gradients(gradients: list[Tensor]) -> dict[str, list[Tensor]]:
    """Norm of each parameter's gradient, L2 over all elements.

    Args:
        gradients: of the parameters that have one, in forward order; any float dtype, dense or sparse.

    Returns:
        One 0-dim float32 tensor a parameter, on its device.

    Source: Glorot & Bengio 2010, section 4.3.
    """
    with torch.no_grad():
        return {"gradient_norm": norms([values_of(gradient) for gradient in gradients])}
