"""Units that stay silent over many batches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from diagnose.observe.probes import per_layer, probe
from diagnose.observe.probes.columns import Floats

WINDOW = 3  # snapshots in a row; they lie far apart, so together they have seen many batches


@probe(event="units", quantities={"dead_share": per_layer("share")})
def units(loudest: Sequence[Floats], silent: Sequence[Floats | None]) -> dict[str, Any]:
    """Share of units that were zero for every sample of every recent snapshot.

    Args:
        loudest: of each layer with ReLU-like activations, (units,), the largest magnitude of each unit in this snapshot.
        silent: state: for each unit the number of snapshots in a row in which it was silent, and as last element the
            number of snapshots; None at first.

    Returns:
        dead_share: (layers,) float32, NaN until three snapshots have been seen; `silent`: the new state, one vector
        (units + 1,) a layer.

    Source: a unit counts as dead only when silent over many batches (Lu et al. 2019, arXiv:1903.06733).
    """
    shares = np.full(len(loudest), math.nan, np.float32)
    states = []
    for at, (peaks, before) in enumerate(zip(loudest, silent, strict=True)):
        state = np.ones(len(peaks) + 1, np.float32)  # as last element a unit that is always silent: it counts the snapshots
        np.equal(peaks, 0, out=state[:-1])
        if before is not None and before.shape == state.shape:
            state *= before + 1
        if state[-1] >= WINDOW:
            shares[at] = np.count_nonzero(state[:-1] >= WINDOW) / max(1, len(peaks))
        states.append(state)
    return {"dead_share": shares, "silent": states}
