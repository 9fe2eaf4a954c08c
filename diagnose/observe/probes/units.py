"""Units that stay silent over many batches."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from diagnose.observe.probes import numbers, on, per_layer, probe
from diagnose.observe.probes.outputs import loudness, sampled

WINDOW = 3  # snapshots in a row; they lie far apart, so together they have seen many batches


def combine(loudest: Sequence[Tensor], silent: Sequence[Tensor | None]) -> dict[str, Tensor | Sequence[Tensor]]:
    """For how many snapshots in a row each unit has been silent now, for all layers at once; see `units`."""
    device = loudest[0].device
    before = [
        torch.zeros(peak.numel() + 1, dtype=torch.float32, device=device) if state is None or state.numel() != peak.numel() + 1 else state
        for peak, state in zip(loudest, silent, strict=True)
    ]
    # As last element of each layer's state the number of snapshots: a unit that is always silent.
    always = torch.zeros(1, dtype=torch.float32, device=device)
    quiet = torch.cat([part for peak in loudest for part in (on(device, peak), always)]) == 0
    states = torch.cat([on(device, state) for state in before]).add_(1).mul_(quiet)
    long = (states >= WINDOW).to(torch.float32)
    sizes = [state.numel() for state in before]
    counts = torch.stack(torch._foreach_norm(long.split(sizes), 1))  # of zeros and ones; the last, if any is 1, is 1
    shares = torch.where(counts > 0, (counts - 1) / numbers([size - 1 for size in sizes], device), math.nan)
    return {"dead_share": shares, "silent": list(states.split(sizes))}


@probe(event="units", quantities={"dead_share": per_layer("share")}, combine=combine)
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
    shaped = [sampled(output.detach(), first) for output, first in zip(outputs, channels_first, strict=True)]
    answer = combine([loudness(one, None).to(torch.float32) for one in shaped], silent)
    return {name: list(values) for name, values in answer.items()}
