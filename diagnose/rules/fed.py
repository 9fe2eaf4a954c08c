"""Whether a training's networks were told anything at all: inputs that are one and the same number everywhere."""

from __future__ import annotations

from diagnose.finding import Evidence
from diagnose.rules.progress import stuck
from diagnose.run import Training

UNTOLD = ("gan", "reinforcement", "contrastive", "vae")  # learn from their targets, or from what they draw


def one_number(training: Training, min_snapshots: int = 3) -> tuple[Evidence, Evidence] | None:
    """Evidence that all inputs of all networks were one whole number in every sample of every snapshot, and nothing was learnt.

    Indices of embeddings, that is: of constant columns of real numbers `constant-features` speaks. A constant input beside one
    that varies (a mask, segments that are all 0) tells nothing, and is silent here; so is a training that learns: what it
    learns from then came another way (a graph that the network holds, a state in a tuple).
    """
    if not training.inputs or training.kind in UNTOLD:
        return None
    for site in training.inputs:
        low, high = (training.series(f"input_{end}", site.id).finite() for end in ("min", "max"))
        if len(low) < min_snapshots or len(high) < min_snapshots or low.values.min() != high.values.max():
            return None
        if "int" not in site.dtype or not site.shape or site.shape[0] < 2:
            return None
    suffering = stuck(training)
    if suffering is None:
        return None
    first = training.inputs[0].id
    value = float(training.series("input_max", first).finite().values.max())
    least = float(training.series("input_min", first).finite().values.min())
    return Evidence("input_max", first, training.series("input_max", first).span, value, "equal", least, "input", "max"), suffering
