"""How much a layer computes, estimated from its shapes."""

from __future__ import annotations

from math import prod
from typing import Any

from diagnose.run import Layer


def multiply_adds(layer: Layer) -> int | None:
    """Multiply-adds of one forward pass of the recorded batch; None for layers other than linear and convolutions."""
    if not layer.shape or layer.functional:
        return None
    outputs = prod(layer.shape)
    if layer.role == "linear" and isinstance(layer.settings.get("in_features"), int):
        return int(outputs * layer.settings["in_features"])
    if layer.role == "convolution":
        channels, kernel = layer.settings.get("in_channels"), _sizes(layer.settings.get("kernel_size"))
        groups = layer.settings.get("groups") or 1
        if isinstance(channels, int) and kernel and isinstance(groups, int):
            if "Transpose" in layer.type and layer.input_shape:
                out = layer.settings.get("out_channels")
                return prod(layer.input_shape) * out * prod(kernel) // groups if isinstance(out, int) else None
            return outputs * channels * prod(kernel) // groups
    return None


def _sizes(value: Any) -> list[int]:
    if isinstance(value, int):
        return [value]
    return [int(v) for v in value] if isinstance(value, list | tuple) and all(isinstance(v, int) for v in value) else []
