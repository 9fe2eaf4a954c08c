"""What a trained network looks at, as it was measured: plain values, read back from a run. Nothing here knows torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

KINDS = ("image", "tabular", "tokens", "series", "other")


@dataclass(frozen=True)
class Check:
    """One trust figure: `value` must be `comparison` `limit` ("below" or "above") for the map to be believed."""

    name: str  # completeness, deletion, insertion, sensitivity, randomisation, learnt
    value: float
    comparison: str
    limit: float

    @property
    def passed(self) -> bool:
        """Whether the figure is on the right side; NaN is not."""
        return bool(self.value < self.limit if self.comparison == "below" else self.value > self.limit)


@dataclass(frozen=True)
class ExplainedInput:
    """One input of the network; `shape` is a sample's, without the batch."""

    id: str  # as that of an InputSite: "net:0"
    kind: str  # one of KINDS
    shape: tuple[int, ...]
    dtype: str
    baseline: str  # what "absent" means here, in words
    names: tuple[str, ...] = ()  # of its features, where they are known
    padding: int | None = None  # the symbol that pads texts, where there is one
    time: int = 0  # the axis of a series along which time runs


@dataclass(frozen=True)
class Method:
    """A way of attribution: why it was taken, or why it was refused and what to use instead."""

    name: str
    why: str
    baseline: str = ""
    refused: str | None = None
    instead: str | None = None
    trust: tuple[Check, ...] = ()  # medians over the samples


@dataclass(frozen=True)
class ExplainedSample:
    """One sample, with a map a method and input. Maps are in the input's shape (tokens: one number a position)."""

    role: str  # worst, best, ordinary
    number: int
    target: str
    predicted: str
    explained: str  # what the maps explain: "output 3 (predicted)", "reconstruction error"
    score: float  # that output's value
    loss: float
    inputs: Mapping[str, Array] = field(default_factory=dict)  # by input id; empty where samples are kept out
    maps: Mapping[str, Mapping[str, Array]] = field(default_factory=dict)  # method → input id
    trust: Mapping[str, tuple[Check, ...]] = field(default_factory=dict)  # by method


@dataclass(frozen=True)
class LayerShare:
    """What passes through a layer: `share` of the decision (1: all of it), and units that never matter."""

    path: str
    share: float
    units: int
    idle: int


@dataclass(frozen=True)
class Intervention:
    """What happens to the loss when something of the input is exchanged between samples.

    `what` is shuffled (the place is exchanged, the rest stays) or alone (the rest is exchanged, the place stays).
    `place` is an input's id, "id[3]" for a feature, "id[0:2,5:7]" for a region, "id frame" for the border all around, "id moving"
    for the window with the most attribution of each sample, "id padding" for the padding.
    """

    what: str
    place: str
    loss: float
    accuracy: float  # NaN where it has no meaning
    output_change: float  # standard deviation of the change of the output, in that of the output itself
    noise: float  # standard error of the mean change of the loss over the samples
    size: float = 1.0  # share of the input's features that the place holds
    mass: float = float("nan")  # share of all attribution that lies there
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanation:
    """One network, explained at the end of its training on samples that were kept from its evaluation."""

    network: str
    method: str = ""  # the one that `global_importance` and the findings rest on
    why: str = ""
    task: str = ""  # classification, binary-classification, regression, autoencoder, sequence, discriminator, other
    data: str = ""  # where the samples came from, in words
    inputs: tuple[ExplainedInput, ...] = ()
    methods: tuple[Method, ...] = ()
    samples: tuple[ExplainedSample, ...] = ()
    global_importance: Mapping[str, Array] = field(default_factory=dict)  # by input id: mean magnitude over the samples
    layers: tuple[LayerShare, ...] = ()
    interventions: tuple[Intervention, ...] = ()
    loss: float = float("nan")  # mean over the samples on which exchanges were tried
    accuracy: float = float("nan")
    chance: float = float("nan")  # loss of the best constant answer on those samples
    chance_accuracy: float = float("nan")
    count: int = 0  # of those samples
    losses: Array = field(default_factory=lambda: np.empty(0))  # of each sample that was kept of the evaluation
    training_losses: Array = field(default_factory=lambda: np.empty(0))  # of kept training samples, by the same network
    refused: str | None = None  # why nothing could be explained at all
    notes: tuple[str, ...] = ()

    @property
    def baseline(self) -> dict[str, str]:
        """What stands for "absent", by input."""
        return {given.id: given.baseline for given in self.inputs}

    @property
    def trust(self) -> tuple[Check, ...]:
        """The trust figures of the method that the findings rest on."""
        return next((m.trust for m in self.methods if m.name == self.method), ())

    @property
    def used(self) -> tuple[Method, ...]:
        """The methods that gave maps."""
        return tuple(method for method in self.methods if method.refused is None)

    def input(self, id: str) -> ExplainedInput | None:
        """The input of this id."""
        return next((given for given in self.inputs if given.id == id), None)

    def intervention(self, what: str, place: str) -> Intervention | None:
        """What came of exchanging this place."""
        return next((one for one in self.interventions if (one.what, one.place) == (what, place)), None)

    @cached_property
    def findings(self) -> tuple[Any, ...]:
        """What the rules of the family attribution say of it, as `diagnose.finding.Finding`."""
        # by name: what is judged knows no judge, and only who asks brings one
        from importlib import import_module

        run = import_module("diagnose.run")
        training = run.Training(explanations=(self,), networks=(self.network,))
        judged = import_module("diagnose.judge").judge(run.Run(path="", program="", trainings=(training,)))
        return tuple(finding for finding in judged.findings if finding.family == "attribution")
