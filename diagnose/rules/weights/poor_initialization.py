from collections.abc import Iterator

import numpy as np

from diagnose.finding import Evidence, Finding, Fix
from diagnose.rules import rule
from diagnose.rules.progress import stuck, unstable
from diagnose.run import Layer, Parameter, Training

GAINS = {
    "relu": 2**0.5,
    "leaky_relu": 2**0.5,
    "gelu": 2**0.5,
    "silu": 2**0.5,
    "elu": 1.0,
    "tanh": 5 / 3,
    "sigmoid": 1.0,
}
DEFAULT_GAIN = 3**-0.5  # PyTorch's own: known to be small for deep ReLU networks, but not the user's doing


@rule(
    needs=("parameters", "batch_std"),
    symptoms=(
        "vanishing-gradients", "exploding-gradients", "saturated-activations", "dead-units", "constant-output",
        "loss-not-decreasing", "underfitting", "wrong-initial-loss", "non-finite-values", "learning-rate-too-low",
        "diverging-loss", "loss-spikes", "stopped-too-early", "wasted-epochs", "input-ignored",
    ),
)  # fmt: skip
def poor_initialization(
    training: Training, *, factor: float = 2.0, change: float = 1e2, min_layers: int = 2, alone: float = 10.0
) -> Iterator[Finding]:
    """The weights are drawn too small or too large for the signal to pass.

    What it does:
        Compares each weight's first standard deviation with the one that keeps the size of the signal for the
        activation that follows (gain / √fan_in). Speaks when at least `min_layers` of them are off by more than
        `factor`, or one by more than `alone`, away from PyTorch's own default, in one direction, the signal at the
        first snapshot (its spread over the samples) changes by more than `change` between the first layer and the
        last, and the loss is stuck or unstable.

    Why is this bad:
        A signal that shrinks in each layer arrives as a constant, and no gradient comes back; one that grows saturates
        what follows, or overflows.

    Fix:
        He initialisation for ReLU, Glorot's for tanh, or normalisation layers.

    Known problems:
        Where normalisation or residual paths carry the signal the size of the weights hardly matters; then the
        measured signal does not change, and nothing is said. PyTorch's default is never blamed, even where a deep
        network would need more: `vanishing-gradients` speaks then.

    Example:
        `diagnose run tests/challenges/at-mnist-uniform-init/faulty.py`

    References:
        He et al. 2015, https://arxiv.org/abs/1502.01852; Glorot & Bengio 2010,
        https://proceedings.mlr.press/v9/glorot10a.html. A factor of two lost in each of seven layers is the hundredth
        that `change` asks for.
    """
    suffering = unstable(training) or stuck(training)
    if suffering is None:
        return
    signal = _signal(training)
    if signal is None:
        return
    first, last, grown = signal
    if 1 / change < grown < change:
        return
    too_large = grown > 1
    off = []
    for parameter, layer in _weights(training):
        gain, wanted = _gain(parameter), _wanted(training, layer)
        if abs(gain / DEFAULT_GAIN - 1) < 0.15 or not gain > 0:
            continue
        if (gain / wanted > factor) if too_large else (gain / wanted < 1 / factor):
            off.append((parameter, layer, gain, wanted))
    if len(off) < min_layers and not any(max(gain / wanted, wanted / gain) > alone for _, _, gain, wanted in off):
        return
    parameter, layer, gain, wanted = max(off, key=lambda found: abs(np.log(found[2] / found[3])))
    right = wanted / _fan_in(parameter) ** 0.5
    drawn = parameter.initial["std"]
    step = training.series("batch_std", first).span
    relu = wanted > 1.1 and wanted < 1.5
    yield Finding(
        message=f"weights of {parameter.layer} start with a standard deviation of {drawn:.2g}, "
        f"{drawn / right:.2g} times what "
        f"keeps the signal ({right:.2g}); from {first} to {last} it changes {grown:.1e} times",
        places=tuple(dict.fromkeys([parameter.layer, *(found[0].layer for found in off)])),
        evidence=(
            Evidence(
                "initial std × √fan_in", parameter.path, (0, 0), gain, "above" if too_large else "below",
                wanted * factor if too_large else wanted / factor, "gain", "std",
            ),
            Evidence(
                "batch_std", last, (step[0], step[0]) if step else None, grown, "outside", (1 / change, change),
                "ratio", "first",
            ),
            suffering,
        ),
        confidence=0.9,
        steps=(0, max(training.steps - 1, 0)),
        fix=Fix(
            f"draw the weights of these {len(off)} layers with a standard deviation of gain / √fan_in "
            f"({right:.2g} at {parameter.layer})",
            f'nn.init.kaiming_normal_({parameter.path}, nonlinearity="relu")'
            if relu
            else f"nn.init.xavier_uniform_({parameter.path})",
        ),
        source=layer.source if layer else parameter.source,
    )  # fmt: skip


def _fan_in(parameter: Parameter) -> int:
    return parameter.fan_in or max(parameter.size // max(parameter.shape[0], 1), 1)


def _gain(parameter: Parameter) -> float:
    return float(parameter.initial.get("std", float("nan")) * _fan_in(parameter) ** 0.5)


def _weights(training: Training) -> Iterator[tuple[Parameter, Layer | None]]:
    for parameter in training.parameters:
        layer = training.layer(parameter.layer)
        fits = layer is None or layer.role in ("linear", "convolution")
        if len(parameter.shape) >= 2 and parameter.optimized and fits and parameter.size >= 20:
            yield parameter, layer


def _wanted(training: Training, layer: Layer | None) -> float:
    """The gain for the activation that follows the layer."""
    if layer is None:
        return 1.0
    paths = [other.path for other in training.layers]
    for other in training.layers[paths.index(layer.path) + 1 :]:
        if other.activation in GAINS:
            return GAINS[other.activation]
        if other.parameters and other.role in ("linear", "convolution"):
            break
    return 1.0


def _signal(training: Training) -> tuple[str, str, float] | None:
    """First and last layer with weights, and by how much the spread over samples changes between them at the start."""
    layers = [
        layer.path
        for layer in training.layers
        if layer.role in ("linear", "convolution") and len(training.series("batch_std", layer.path).measured())
    ]
    if len(layers) < 3:
        return None
    values = {path: float(training.series("batch_std", path).measured().values[0]) for path in layers}
    first, last = layers[0], layers[-1]
    if not values[first] > 0:
        return None
    return first, last, max(values[last] / values[first], 1e-30)
