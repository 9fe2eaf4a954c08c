"""How much a training computes: counted where its graph was read, estimated from the layers' shapes where not."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from diagnose.report.words import count, number, plain
from diagnose.run import Layer, Training

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
PREFIXES = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


@dataclass(frozen=True)
class Arithmetic:
    """Floating-point operations of a step, a multiply-add being two; `estimated` is the part of `forward` that is."""

    forward: float
    backward: float | None  # None: not known
    estimated: float
    layers: int  # how many the estimate stands for
    uncounted: tuple[str, ...]  # operations that are in no count

    @property
    def words(self) -> str:
        """What is known, and how."""
        told = f"{flops(self.forward)} forward"
        if self.backward is not None:
            told += f" and {flops(self.backward)} backward a step, counted on a step that ran (a multiply-add is two; "
            told += "what works element by element is not counted)"
            if self.estimated:
                told += f"; of these {flops(self.estimated)} estimated from the shapes of "
                told += f"{count(self.layers, 'layer')} that {'need' if self.layers > 1 else 'needs'} no gradient"
        else:
            told += f" a step, estimated from the shapes of {count(self.layers, 'layer')}, not counted (a multiply-add is two)"
        return told + (f"; without what runs inside {', '.join(self.uncounted)}" if self.uncounted else "")


def arithmetic(training: Training) -> Arithmetic | None:
    """Of a usual step; None where nothing is known."""
    forward, backward = (training.series(f"{way}_flops").finite().values for way in ("forward", "backward"))
    hidden = training.facts.get("uncounted_operations") or ()
    uncounted = tuple(plain(name) for name in hidden) if isinstance(hidden, list | tuple) else ()
    if len(forward) and forward.max() > 0:
        graphless = [layer for layer in training.layers if not _in_graph(training, layer)]
        amounts = [2.0 * known for layer in graphless if (known := multiply_adds(layer))]
        estimated = float(sum(amounts))
        return Arithmetic(float(np.median(forward)) + estimated, float(np.median(backward)), estimated, len(amounts), uncounted)
    shaped = [2.0 * known for layer in training.layers if (known := multiply_adds(layer))]
    total = sum(shaped)
    return Arithmetic(total, None, total, len(shaped), uncounted) if total else None


def _in_graph(training: Training, layer: Layer) -> bool:
    """Whether the backward went through the layer: where not, the graph did not hold it."""
    if not training.has("output_gradient_norm"):
        return True
    return len(training.series("output_gradient_norm", layer.path).measured()) > 0


def flops(amount: float) -> str:
    """6.59 MFLOP."""
    for size, prefix in PREFIXES:
        if amount >= size:
            return f"{number(amount / size)} {prefix}FLOP"
    return f"{number(amount)} FLOP"


def multiply_adds(layer: Layer) -> int | None:
    """Multiply-adds of one forward pass of the recorded batch, from the layer's shapes; None for kinds without matrices."""
    if not layer.shape or layer.functional:
        return None
    outputs = prod(layer.shape)
    settings = layer.settings
    if layer.role == "linear" and isinstance(settings.get("in_features"), int):
        return int(outputs * settings["in_features"])
    if layer.role == "convolution":
        return _convolution(layer, outputs)
    if layer.role == "recurrent":
        return _recurrent(layer)
    if layer.role == "attention" and isinstance(settings.get("embed_dim"), int) and len(layer.shape) == 3:
        width, tokens = settings["embed_dim"], outputs // max(layer.shape[-1], 1)
        length = layer.shape[1] if settings.get("batch_first") else layer.shape[0]
        return int(4 * width * width * tokens + 2 * tokens * length * width)  # of each token with every other
    return None


def _convolution(layer: Layer, outputs: int) -> int | None:
    channels, kernel = layer.settings.get("in_channels"), _sizes(layer.settings.get("kernel_size"))
    groups = layer.settings.get("groups") or 1
    if not (isinstance(channels, int) and kernel and isinstance(groups, int)):
        return None
    if "Transpose" in layer.type and layer.input_shape:
        out = layer.settings.get("out_channels")
        return prod(layer.input_shape) * out * prod(kernel) // groups if isinstance(out, int) else None
    return outputs * channels * prod(kernel) // groups


def _recurrent(layer: Layer) -> int | None:
    """Every weight matrix once for each step of each sequence."""
    given, hidden = layer.settings.get("input_size"), layer.settings.get("hidden_size")
    gates = next((amount for name, amount in GATES.items() if layer.type.startswith(name)), None)
    if not (isinstance(given, int) and isinstance(hidden, int) and gates and layer.shape):
        return None
    ways = 2 if layer.settings.get("bidirectional") else 1
    depth = layer.settings.get("num_layers") or 1
    widths = [given, *[hidden * ways] * (int(depth) - 1)]
    return sum(ways * gates * hidden * (width + hidden) for width in widths) * prod(layer.shape[:-1])


def _sizes(value: Any) -> list[int]:
    if isinstance(value, int):
        return [value]
    return [int(v) for v in value] if isinstance(value, list | tuple) and all(isinstance(v, int) for v in value) else []
