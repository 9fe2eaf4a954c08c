"""Probes: one file each, one event, one pass over all its tensors, several quantities. Found by looking."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor

from diagnose.observe.probes.columns import Columns, Floats, Summary


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
    measure: Callable[..., Any] | None = None  # one of several, at the moment it is there
    gather: Callable[..., Any] | None = None  # what was measured of all of them, on its way to the host: see `Arriving`

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.read(*args, **kwargs)


def probe(
    *,
    event: str,
    quantities: Mapping[str, Quantity],
    measure: Callable[..., Any] | None = None,
    gather: Callable[..., Any] | None = None,
) -> Callable[[Callable[..., Any]], Probe]:
    """Makes a probe of the one public function in a probe file."""

    def make(read: Callable[..., Any]) -> Probe:
        return Probe(read.__name__, event, quantities, read, measure, gather)

    return make


class Ragged(NamedTuple):
    """Numbers of several places behind each other, (…, numbers), and how many each has."""

    flat: Floats
    sizes: Sequence[int]


Quantities = Mapping[str, Floats | Ragged]  # (…, places), or a row of numbers a place; … are the snapshots that arrived together


class Arrange(Hashable, Protocol):
    """Makes quantities of the vectors that a probe sent, (…, numbers), and of the samples' summary.

    Snapshots that are equal in this are arranged together: it is compared by all that it depends on.
    """

    def __call__(self, arrays: Sequence[Floats], summary: Summary, /) -> Quantities: ...


class Arriving(NamedTuple):
    """Tensors that a probe sends to the host, besides the samples, and what it makes of all that when it has arrived."""

    tensors: Sequence[Tensor]
    arrange: Arrange
    samples: Sequence[int]  # of the readings, by their number in the summary; where each has one


def at_once(gather: Callable[[Sequence[Any], Columns], Arriving], readings: Sequence[Any]) -> dict[str, list[Tensor]]:
    """The quantities of readings without waiting for a step to end: one 0-dim tensor or vector a place, on the host."""
    columns = Columns()
    arriving = gather(readings, columns)
    samples = columns.gather()
    arrays = [tensor.reshape(-1).to(torch.float32).cpu().numpy() for tensor in (*samples, *arriving.tensors)]
    with np.errstate(all="ignore"):
        found = arriving.arrange(arrays[len(samples) :], columns.arrange(arrays[: len(samples)]))
    return {
        name: list(torch.from_numpy(values.flat).split(list(values.sizes))) if isinstance(values, Ragged) else list(torch.from_numpy(values))
        for name, values in found.items()
    }


@cache
def all_probes() -> Mapping[str, Probe]:
    """Every probe by name."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        made = getattr(importlib.import_module(f"{__name__}.{info.name}"), info.name, None)
        if isinstance(made, Probe):
            found[made.name] = made
    return found
