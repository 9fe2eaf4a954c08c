"""What the last operation of a network can put out, and how much of what is asked lies beyond it."""

from __future__ import annotations

from math import erfc, inf, sqrt

from diagnose.run import LossSite, Training

# What the autograd operations can put out; bounds of elu hold for selu, which is the same operation.
RANGES = {
    "relu": (0.0, inf),
    "softplus": (0.0, inf),
    "exp": (0.0, inf),
    "abs": (0.0, inf),
    "sigmoid": (0.0, 1.0),
    "hardsigmoid": (0.0, 1.0),
    "softmax": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "elu": (-1.7581, inf),
    "silu": (-0.2785, inf),
    "gelu": (-0.17, inf),
    "mish": (-0.3088, inf),
    "log_softmax": (-inf, 0.0),
    "log_sigmoid": (-inf, 0.0),
    "LSTM": (-1.0, 1.0),  # the state, where it is the output itself
    "GRU": (-1.0, 1.0),
    "LSTMCell": (-1.0, 1.0),
    "GRUCell": (-1.0, 1.0),
}
MANY, FEW = 1 / 6, 1 / 40  # of normally distributed targets, out of reach: fewer than FEW are noise
ONE_SIDED = ("relu", "softplus", "exp", "abs")


def last(training: Training, site: LossSite) -> str:
    """What made the loss's input: an operation, or the type of a recurrent layer whose state it is."""
    operation = site.operations[0] if site.operations else ""
    layer = training.layer(site.layer) if site.layer else None
    if operation in RANGES or layer is None or layer.type not in RANGES or layer.shape is None:
        return operation
    between = [edge.operations for edge in training.edges if edge.target == site.id]
    width = layer.settings.get("hidden_size", 0) * (2 if layer.settings.get("bidirectional") else 1)
    whole = layer.type.endswith("Cell") or layer.shape[-1] == width  # a projected state has no bounds
    return layer.type if whole and between == [()] else operation


def out_of_reach(bounds: tuple[float, float], seen: tuple[float, float], mean: float, spread: float) -> float:
    """Share of numbers, taken for normally distributed, that lie out of bounds, on the sides where some were seen to."""
    below = 0.5 * erfc((mean - bounds[0]) / spread / sqrt(2)) if seen[0] < bounds[0] else 0.0
    above = 0.5 * erfc((bounds[1] - mean) / spread / sqrt(2)) if seen[1] > bounds[1] else 0.0
    return below + above
