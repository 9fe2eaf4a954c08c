"""Probes: one file each, one event, one pass over all its tensors, several quantities. Found by looking."""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch import Tensor


@dataclass(frozen=True)
class Quantity:
    """What a recorded number is: over which places it runs, its unit, and whether each place holds several."""

    over: str  # "parameters", "layers", "losses", "inputs", "step"
    unit: str
    ragged: bool = False


def per_parameter(unit: str) -> Quantity:
    """One number a parameter."""
    return Quantity("parameters", unit)


def per_layer(unit: str, *, ragged: bool = False) -> Quantity:
    """One number a layer, or, ragged, a row of numbers a layer."""
    return Quantity("layers", unit, ragged)


def per_loss(unit: str, *, ragged: bool = False) -> Quantity:
    """One number a loss site, or, ragged, a row."""
    return Quantity("losses", unit, ragged)


def per_input(unit: str, *, ragged: bool = False) -> Quantity:
    """One number a network input, or, ragged, a row."""
    return Quantity("inputs", unit, ragged)


@dataclass(frozen=True)
class Probe:
    """A function that reads quantities off tensors, without drawing random numbers or waiting for the device."""

    name: str
    event: str
    quantities: Mapping[str, Quantity]
    read: Callable[..., Any]
    measure: Callable[..., Any] | None = None  # one tensor of several, at the moment it is there
    combine: Callable[..., Any] | None = None  # what was measured of all of them

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.read(*args, **kwargs)


def probe(
    *,
    event: str,
    quantities: Mapping[str, Quantity],
    measure: Callable[..., Any] | None = None,
    combine: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Probe]:
    """Makes a probe of the one public function in a probe file."""

    def make(read: Callable[..., Any]) -> Probe:
        return Probe(read.__name__, event, quantities, read, measure, combine)

    return make


class Ragged:
    """Vectors of several places behind each other: iterates over them."""

    def __init__(self, flat: Tensor, sizes: list[int]) -> None:
        self.flat = flat
        self.sizes = sizes

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self.flat.split(self.sizes))


def on(device: torch.device, tensor: Tensor) -> Tensor:
    """A tensor on a device; where it is there already nothing is called."""
    return tensor if tensor.device == device else tensor.to(device, non_blocking=True)


def stacked(rows: Sequence[Sequence[Tensor | None]]) -> Sequence[Tensor]:
    """0-dim tensors of many places by quantity, (places,) each in float32, NaN for None; on the first one's device."""
    columns = list(zip(*rows, strict=True))
    device = next(value.device for value in rows[0] if value is not None)
    nothing: Tensor | None = None
    flat = []
    for value in (value for column in columns for value in column):
        if value is None:
            if nothing is None:
                nothing = torch.full((), math.nan, dtype=torch.float32, device=device)
            flat.append(nothing)
        else:
            flat.append(on(device, value))
    return list(torch.stack(flat).reshape(-1, len(rows)))


def numbers(values: Sequence[float], device: torch.device) -> Tensor:
    """Numbers of the host as a float32 vector on a device, without waiting for it."""
    if device.type == "cpu":
        return torch.tensor(values, dtype=torch.float32, device=device)
    return torch.stack([torch.full((), value, dtype=torch.float32, device=device) for value in values])


@cache
def all_probes() -> Mapping[str, Probe]:
    """Every probe by name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        made = getattr(importlib.import_module(f"{__name__}.{info.name}"), info.name, None)
        if isinstance(made, Probe):
            found[made.name] = made
    return found
