"""Units that stay silent over many batches."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from diagnose.observe.probes import per_layer, probe
from diagnose.observe.probes.outputs import by_unit

WINDOW = 3  # snapshots in a row; they lie far apart, so together they have seen many batches


@probe(event="units", quantities={"dead_share": per_layer("share")})
def units(outputs: list[Tensor], channels_first: list[bool], silent: list[Tensor | None]) -> dict[str, list[Tensor]]:
    """Share of units that were zero for every sample of every recent snapshot.

    Args:
        outputs: of ReLU-like activations, batch first.
        channels_first: whether axis 1 is the channel.
        silent: state: for each unit the number of snapshots in a row in which it was silent, and as last element the
            number of snapshots; None at first.

    Returns:
        dead_share: 0-dim float32 a layer, NaN until three snapshots have been seen; `silent`: the new state, one float32
        vector (units + 1,) a layer.

    Source: a unit counts as dead only when silent over many batches (Lu et al. 2019, arXiv:1903.06733).
    """
    shares, states = [], []
    for output, first, before in zip(outputs, channels_first, silent, strict=True):
        shaped = by_unit(output.detach(), first)
        quiet = (shaped == 0).all(2).all(0)
        fresh = torch.zeros(quiet.shape[0] + 1, dtype=torch.float32, device=quiet.device)
        counts = (fresh if before is None or before.shape != fresh.shape else before) + 1
        runs, seen = torch.where(quiet, counts[:-1], torch.zeros_like(counts[:-1])), counts[-1:]
        states.append(torch.cat((runs, seen)))
        share = (runs >= WINDOW).to(torch.float32).mean()
        shares.append(torch.where(seen[0] >= WINDOW, share, torch.full_like(share, math.nan)))
    return {"dead_share": shares, "silent": states}
