"""How large the gradients are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import gcd, sqrt

import torch
from torch import Tensor

from diagnose.observe.probes import per_parameter, probe
from diagnose.observe.torch_state import Untracked

_HALF = (torch.float16, torch.bfloat16)


def as_floats(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Half precision as float32, so that squares do not overflow; float32 and float64 as they are."""
    return [values.to(torch.float32) if values.dtype in _HALF else values for values in tensors]


def norms(tensors: Sequence[Tensor]) -> list[Tensor]:
    """L2 norm of each tensor, 0-dim float32, in one pass over all of them."""
    if not tensors:
        return []
    return [norm if norm.dtype == torch.float32 else norm.to(torch.float32) for norm in torch._foreach_norm(as_floats(tensors))]


# The gradient with respect to an output larger than WHOLE elements is read in BLOCKS runs of WIDE neighbours.
WHOLE, BLOCKS, WIDE = 262_144, 512, 128


@lru_cache(maxsize=256)
def _apart(size: int) -> int:
    """How far the blocks lie apart: a distance that has no divisor in common with any axis, so that no position is met always."""
    apart = size // BLOCKS
    return next((way for way in range(apart, apart // 2, -1) if gcd(way, size) == 1), apart)


def norm_of_output(gradient: Tensor) -> Tensor:
    """L2 norm of the gradient with respect to an output, 0-dim.

    Of more than WHOLE elements 65,536 are read, in 512 evenly spread blocks of 128, and their sum of squares is scaled up: the
    standard error of the norm is half of that of a mean of 512 blocks' sums, below 2.5 % where the sums of the blocks vary
    by less than their mean.
    """
    size = gradient.numel()
    if gradient.dtype in _HALF:
        gradient = gradient.to(torch.float32)
    if size <= WHOLE or not gradient.is_contiguous():
        whole: Tensor = torch.linalg.vector_norm(gradient)
        return whole
    apart = _apart(size)
    count = (size - WIDE) // apart + 1
    blocks = gradient.as_strided((count, WIDE), (apart, 1))
    each: Tensor = torch.linalg.vector_norm(blocks, dim=1)  # over both axes at once it is not vectorised: six times as long
    part: Tensor = torch.linalg.vector_norm(each)
    return part.mul_(sqrt(size / (count * WIDE)))


@probe(event="gradients", quantities={"gradient_norm": per_parameter("loss per weight")})
def gradients(gradients: list[Tensor]) -> dict[str, list[Tensor]]:
    """Norm of each parameter's gradient, L2 over all elements.

    Args:
        gradients: of the parameters that have one, in forward order; any float dtype, dense or sparse.

    Returns:
        One 0-dim float32 tensor a parameter, on its device.

    Source: Glorot & Bengio 2010, section 4.3.
    """
    with Untracked():
        return {"gradient_norm": norms([one.coalesce()._values() if one.is_sparse else one for one in gradients])}
