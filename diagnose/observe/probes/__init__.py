"""Probes: one file each, one event, one pass over all its tensors, several quantities. Found by looking."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any


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

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.read(*args, **kwargs)


def probe(*, event: str, quantities: Mapping[str, Quantity]) -> Callable[[Callable[..., Any]], Probe]:
    """Makes a probe of the one public function in a probe file."""

    def make(read: Callable[..., Any]) -> Probe:
        return Probe(read.__name__, event, quantities, read)

    return make


@cache
def all_probes() -> Mapping[str, Probe]:
    """Every probe by name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        made = getattr(importlib.import_module(f"{__name__}.{info.name}"), info.name, None)
        if isinstance(made, Probe):
            found[made.name] = made
    return found
