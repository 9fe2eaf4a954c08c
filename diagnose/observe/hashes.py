"""Hashes of samples, so that the same sample is known again in another batch or another data set."""

from __future__ import annotations

import torch
from torch import Tensor

ELEMENTS = 1024  # of a sample that are read, evenly
_factors: dict[torch.device, Tensor] = {}


def sample_hashes(batch: Tensor) -> Tensor:
    """One int64 a sample: equal for bit-equal samples, whatever their batch.

    Args:
        batch: (N, …), floating or integer.

    Returns:
        shape (N,), int64, on the batch's device. Integer arithmetic modulo 2^64: exact in any order of summation.
    """
    rows = batch.detach().reshape(batch.shape[0], -1)
    if rows.shape[1] > ELEMENTS:
        rows = rows[:, :: -(-rows.shape[1] // ELEMENTS)]
    bits = (rows.to(torch.float32) + 0.0).view(torch.int32).to(torch.int64) if rows.is_floating_point() else rows.to(torch.int64)
    mixed = (bits >> 15).bitwise_xor_(bits).mul_(_odd(rows.device)[: rows.shape[1]])
    again = (mixed >> 29).bitwise_xor_(mixed).mul_(_odd(rows.device)[1 : rows.shape[1] + 1])
    return again.sum(1)


def _odd(device: torch.device) -> Tensor:
    """Fixed odd multipliers (Weyl sequence of the golden ratio)."""
    known = _factors.get(device)
    if known is None:
        golden = 0x9E3779B97F4A7C15
        factors = [((i * golden) % 2**64 | 1) for i in range(1, ELEMENTS + 2)]
        signed = [f - 2**64 if f >= 2**63 else f for f in factors]
        known = _factors[device] = torch.tensor(signed, dtype=torch.int64, device=device)
    return known
