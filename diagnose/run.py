"""A recorded run, read back: runs hold trainings, trainings hold series. Nothing here knows torch or the disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diagnose.explanation import Explanation
from diagnose.finding import BlindSpot, Source

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]

ROLES = (
    "linear", "convolution", "recurrent", "embedding", "attention", "normalization", "dropout", "activation",
    "pooling", "reshape", "container", "other",
)  # fmt: skip


@dataclass(frozen=True)
class Series:
    """One quantity at one place over steps: `values[i]` was seen at `steps[i]`; values may have trailing axes."""

    quantity: str
    place: str | None
    steps: Steps
    values: Floats
    unit: str | None = None

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def span(self) -> tuple[int, int] | None:
        """First and last step, None when empty."""
        return (int(self.steps[0]), int(self.steps[-1])) if len(self.steps) else None

    def finite(self) -> Series:
        """Without the entries that are NaN or infinite (any element, for values with trailing axes)."""
        keep = np.isfinite(self.values).all(axis=tuple(range(1, self.values.ndim)))
        return Series(self.quantity, self.place, self.steps[keep], self.values[keep], self.unit)

    def measured(self) -> Series:
        """Without the entries that were not measured (NaN); infinities stay."""
        keep = ~np.isnan(self.values).all(axis=tuple(range(1, self.values.ndim)))
        return Series(self.quantity, self.place, self.steps[keep], self.values[keep], self.unit)


@dataclass(frozen=True)
class Matrix:
    """One quantity at all its places: `values[i, j]` is at `steps[i]` and `places[j]`; NaN = not measured."""

    quantity: str
    places: tuple[str, ...]
    steps: Steps
    values: Floats
    unit: str | None = None


@dataclass(frozen=True)
class Layer:
    """A module that ran, or a functional activation, in forward order."""

    path: str
    type: str  # class name, or the function's name: "Linear", "relu"
    role: str  # one of ROLES
    activation: str | None = None  # "relu", "leaky_relu", "tanh", "sigmoid", "softmax", … where it is an activation
    functional: bool = False
    shape: tuple[int, ...] | None = None  # of the output, batch first as the program has it
    input_shape: tuple[int, ...] | None = None
    parameters: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)  # in_features, p, kernel_size, dim, negative_slope, …
    network: str = ""
    source: Source | None = None


@dataclass(frozen=True)
class Parameter:
    """A tensor that could be trained. `initial` are statistics before the first step: mean, std, min, max, norm."""

    path: str
    layer: str
    shape: tuple[int, ...]
    size: int
    dtype: str = "float32"
    trainable: bool = True  # requires_grad
    optimized: bool = True  # held by an optimizer of this training
    reached: bool | None = None  # its gradient was computed in a backward; None: not observed
    optimizer: int | None = None
    fan_in: int | None = None
    fan_out: int | None = None
    initial: Mapping[str, float] = field(default_factory=dict)
    network: str = ""
    source: Source | None = None
    shard: Mapping[str, Any] | None = None  # spread over processes: "ranks" that hold it, "copies" of each piece, "size" here


@dataclass(frozen=True)
class Edge:
    """Data flow between two layers as the autograd graph shows it, forward direction.

    `source` is a layer's path or "input"; `target` a layer's path or a loss site's id; `operations` the autograd
    operations on the way, in forward order, lower snake case without "backward": ("view", "mul").
    """

    source: str
    target: str
    operations: tuple[str, ...] = ()


@dataclass(frozen=True)
class LossSite:
    """One place in the program that computes a loss with the same function and arguments.

    `operations` are the last operations that made its input (the prediction), nearest first, shape changes left out:
    ("softmax", "addmm"). `function` is "custom" for a hand-written loss: then input and target are unknown (None).
    """

    id: str
    function: str  # cross_entropy, nll_loss, mse_loss, binary_cross_entropy, …, or custom
    role: str  # "training" | "evaluation"
    arguments: Mapping[str, Any] = field(default_factory=dict)  # reduction, label_smoothing, weight ("given"), …
    input_shape: tuple[int, ...] | None = None
    target_shape: tuple[int, ...] | None = None
    input_dtype: str | None = None
    target_dtype: str | None = None
    operations: tuple[str, ...] = ()
    shapes: tuple[tuple[str, tuple[int, ...]], ...] = ()  # custom: (operation, output shape) from the root backwards
    layer: str | None = None  # the layer that made its input
    weight: float | None = None  # with which the loss entered the backward
    calls: int = 0
    optimizer: int | None = None
    input_gradient: bool = False  # its backward gives an input of the network a gradient too, as an attack's does
    source: Source | None = None


@dataclass(frozen=True)
class EvaluationSet:
    """Evaluation losses of one data set at one place: one value a pass.

    `loss`, `accuracy`, `samples`, `batches`, `noise` have one entry a pass, `steps` the last training step before it.
    `noise` is the standard error of the pass's mean loss over its batches (NaN for one batch).
    """

    id: str
    name: str  # as a person would call it: "val", "test", or where it is computed
    site: LossSite
    steps: Steps
    loss: Floats
    accuracy: Floats  # share right, NaN where it has no meaning
    samples: Floats
    batches: Floats
    noise: Floats
    same_data: float | None = None  # share of its samples that are training samples; None: unknown
    chance_data: float | None = None  # what that would be by chance, as often as samples of one pass equal each other
    training_data: float | None = None  # share of the training samples that are among its own; None: unknown
    split_anew: bool = False  # its samples were held out in the first pass, and trained on in the last
    shadow: bool = False  # the program computed no loss here: the training's loss was repeated on its outputs
    grad_enabled: bool | None = None
    memory_growth: Floats | None = None  # bytes gained from a pass's second batch to its last, NaN where unknown
    training_layers: tuple[str, ...] = ()  # dropout and normalisation layers in training mode during most passes
    evaluation_layers: tuple[str, ...] = ()  # the same kinds of layers in evaluation mode

    @property
    def trained_on(self) -> float:
        """Share of its samples that are training samples, above what chance explains (as Cohen's kappa counts it); 0 where unknown."""
        same, chance = self.same_data or 0.0, self.chance_data or 0.0
        return max(0.0, (same - chance) / (1 - chance)) if chance < 1 else 0.0

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class InputSite:
    """One tensor argument of a network's forward."""

    id: str  # "net:0", "net:mask"
    network: str
    shape: tuple[int, ...]
    dtype: str
    source: Source | None = None


@dataclass(frozen=True)
class Event:
    """Something that happened once: kind non-finite, uncleared, probe-failed, scaler-skip, blind-spot, …"""

    kind: str
    step: int | None
    place: str | None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Optimizer:
    """One optimizer of a training; `settings` are those of its first parameter group."""

    index: int
    type: str
    settings: Mapping[str, Any] = field(default_factory=dict)  # lr, momentum, betas, weight_decay, eps, groups
    source: Source | None = None


class Training:
    """What one optimizer, or several that alternate, did to their networks.

    Everything is numpy or plain values. Steps count from 0 within the training. `series` and `matrix` answer with
    empty arrays for what was not recorded, so a rule never has to guard twice. Of a training by several processes this is
    what its `ranks` recorded, joined (`diagnose.record.ranks`).
    """

    def __init__(
        self,
        *,
        id: int = 0,
        kind: str = "unknown",
        kind_evidence: str = "",
        steps: int = 0,
        layers: Sequence[Layer] = (),
        parameters: Sequence[Parameter] = (),
        edges: Sequence[Edge] = (),
        losses: Sequence[LossSite] = (),
        evaluations: Sequence[EvaluationSet] = (),
        inputs: Sequence[InputSite] = (),
        optimizers: Sequence[Optimizer] = (),
        networks: Sequence[str] = (),
        events: Sequence[Event] = (),
        epochs: Sequence[int] = (),
        facts: Mapping[str, Any] | None = None,
        series: Mapping[tuple[str, str | None], Series] | None = None,
        ranks: int = 1,
        explanations: Sequence[Explanation] = (),
    ) -> None:
        self.id = id
        self.kind = kind
        self.kind_evidence = kind_evidence
        self.steps = steps
        self.layers = tuple(layers)
        self.parameters = tuple(parameters)
        self.edges = tuple(edges)
        self.losses = tuple(losses)
        self.evaluations = tuple(evaluations)
        self.inputs = tuple(inputs)
        self.optimizers = tuple(optimizers)
        self.networks = tuple(networks)
        self.events = tuple(events)
        self.epochs = tuple(epochs)  # the first step of each epoch
        self.facts: Mapping[str, Any] = facts or {}
        self.ranks = ranks
        self.explanations = tuple(explanations)  # one a network, where the program was run with --explain
        self._series = dict(series or {})
        self._by_quantity: dict[str, list[str | None]] = {}
        for quantity, place in self._series:
            self._by_quantity.setdefault(quantity, []).append(place)

    def has(self, quantity: str) -> bool:
        """Whether anything of this quantity was measured."""
        return any(len(self._series[quantity, place].measured()) for place in self._by_quantity.get(quantity, ()))

    @property
    def quantities(self) -> tuple[str, ...]:
        """Names of all quantities that were recorded."""
        return tuple(self._by_quantity)

    def places(self, quantity: str) -> tuple[str, ...]:
        """Places of a quantity in forward order."""
        return tuple(p for p in self._by_quantity.get(quantity, ()) if p is not None)

    def everything(self) -> dict[tuple[str, str | None], Series]:
        """All series by quantity and place."""
        return dict(self._series)

    def series(self, quantity: str, place: str | None = None) -> Series:
        """The quantity at a place; empty when it was not recorded."""
        found = self._series.get((quantity, place))
        return found if found is not None else Series(quantity, place, np.empty(0, np.int64), np.empty(0))

    def matrix(self, quantity: str, places: Sequence[str] | None = None) -> Matrix:
        """All places of a scalar quantity on a common axis of steps, NaN where not measured."""
        names = tuple(places) if places is not None else self.places(quantity)
        columns = [self.series(quantity, name) for name in names]
        steps = np.unique(np.concatenate([c.steps for c in columns])) if columns else np.empty(0, np.int64)
        values = np.full((len(steps), len(names)), np.nan)
        for j, column in enumerate(columns):
            if len(column):
                values[np.searchsorted(steps, column.steps), j] = column.values
        return Matrix(quantity, names, steps, values, columns[0].unit if columns else None)

    def weights(self, quantity: str = "gradient_norm") -> tuple[str, ...]:
        """Paths of the weights (parameters of two or more dimensions) that have this quantity, in forward order."""
        recorded = set(self.places(quantity))
        return tuple(p.path for p in self.parameters if len(p.shape) >= 2 and p.path in recorded)

    @cached_property
    def _layers(self) -> dict[str, Layer]:
        return {layer.path: layer for layer in self.layers}

    @cached_property
    def _parameters(self) -> dict[str, Parameter]:
        return {parameter.path: parameter for parameter in self.parameters}

    def layer(self, path: str) -> Layer | None:
        """The layer of this path."""
        return self._layers.get(path)

    def parameter(self, path: str) -> Parameter | None:
        """The parameter of this path."""
        return self._parameters.get(path)

    def epoch_of(self, step: int) -> int | None:
        """Number of the epoch (from 1) that a step lies in; None when epochs are unknown."""
        return int(np.searchsorted(np.asarray(self.epochs), step, side="right")) if self.epochs else None

    @property
    def training_losses(self) -> tuple[LossSite, ...]:
        """The loss sites that a backward reached."""
        return tuple(site for site in self.losses if site.role == "training")


@dataclass(frozen=True)
class Run:
    """One observed program."""

    path: str
    program: str
    arguments: tuple[str, ...] = ()
    started: str = ""  # ISO 8601, UTC
    seconds: float = 0.0
    state: str = "finished"  # finished, failed, interrupted, killed, running, nothing-observed
    exit_status: int | None = None
    exception: str | None = None
    ranks: int = 1
    trainings: tuple[Training, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)  # versions, device, overhead, settings, seed, why-nothing, …
    events: tuple[Event, ...] = ()
    blind_spots: tuple[BlindSpot, ...] = ()
