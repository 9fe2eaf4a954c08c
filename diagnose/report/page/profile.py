"""One quantity at every layer beside its limit: where in the network the fault is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diagnose.finding import Evidence, Finding
from diagnose.report.page.heat import matrix
from diagnose.report.page.scale import Axis, axis_for
from diagnose.report.words import number, plain, span
from diagnose.run import Matrix, Series, Training

LEAST_LAYERS = 4  # fewer are no picture
MOST_LAYERS = 24  # of more, those with a finding and others evenly chosen
BY_LAYER = {"gradient_norm": "gradient", "update_norm / weight_norm": "update", "weight_norm": "weight"}
PLAIN_STATISTICS = {
    "median", "median of the last fifth", "mean", "last", "first", "max", "min", "maximum", "minimum", "value",
}  # fmt: skip


@dataclass(frozen=True)
class Level:
    """One layer in a profile."""

    place: str
    value: float
    share: float | None  # on the axis; None where there is none to draw
    text: str
    ill: bool


@dataclass(frozen=True)
class Profile:
    """One quantity at every layer, in forward order: where in the network the fault is."""

    name: str
    levels: tuple[Level, ...]
    axis: Axis
    limit: float | None
    left_out: int

    @property
    def limit_share(self) -> float | None:
        """Where the limit stands on the axis."""
        return None if self.limit is None else float(self.axis.share(np.array([self.limit]))[0])

    @property
    def limit_text(self) -> str:
        """The limit as a number."""
        return "" if self.limit is None else number(self.limit)


def profile(one: Evidence, finding: Finding, training: Training) -> Profile | None:
    """The quantity at every layer over the evidence's steps; None where it is not one number a layer."""
    every = _by_layer(one, training)
    if every is None or not len(every.steps):
        return None
    part = every.values
    if one.steps:
        inside = (every.steps >= one.steps[0]) & (every.steps <= one.steps[1])
        part = part[inside] if inside.any() else part
    known = np.asarray(~np.isnan(part).all(axis=0))
    places = [place for place, there in zip(every.places, known, strict=True) if there]
    values = np.nanmedian(part[:, known], axis=0) if known.any() else np.empty(0)
    if len(places) < LEAST_LAYERS or not np.isfinite(values).any():
        return None
    ill = _layers_of(finding, training)
    chosen = _chosen(places, ill)
    limits = limits_of(one)
    limit = limits[0] if len(limits) == 1 and _among(one, every) else None
    include = (limit,) if limit is not None and math.isfinite(limit) else ()
    shown = values[chosen]
    positive = bool((shown[np.isfinite(shown)] > 0).all())
    axis = Axis(0.0, 1.0) if one.quantity.endswith("_share") else axis_for(shown, include=include)
    if axis is None:
        return None
    if not axis.log and positive and axis.low > 0:
        axis = Axis(0.0, axis.high)  # a bar's length is its value
    shares = np.clip(axis.share(shown), 0.0, 1.0)
    levels = tuple(
        Level(plain(places[at]), float(values[at]), float(share) if math.isfinite(share) else None,
              number(float(values[at]), 2), places[at] in ill)
        for at, share in zip(chosen, shares, strict=True)
    )  # fmt: skip
    words = plain(one.quantity).replace("_", " ")
    when = f", {span(one.steps)}" if one.steps else ""
    return Profile(f"Median {words} by layer{when}", levels, axis, include[0] if include else None,
                   len(places) - len(chosen))  # fmt: skip


def _among(one: Evidence, every: Matrix) -> bool:
    if one.place not in every.places:
        return False
    values = every.values[:, every.places.index(one.place)]
    return comparable(one, Series(one.quantity, one.place, every.steps, values, every.unit))


def _by_layer(one: Evidence, training: Training) -> Matrix | None:
    if one.quantity in BY_LAYER:
        return matrix(training, BY_LAYER[one.quantity])
    layers = {layer.path for layer in training.layers}
    places = [place for place in training.places(one.quantity) if place in layers]
    if one.place not in layers or len(places) < LEAST_LAYERS or training.series(one.quantity, one.place).values.ndim != 1:
        return None
    return training.matrix(one.quantity, places)


def _layers_of(finding: Finding, training: Training) -> set[str]:
    """The layers that a finding names, be it by a parameter of theirs."""
    layers = {parameter.path: parameter.layer for parameter in training.parameters}
    places = [*finding.places, *(one.place for one in finding.evidence if one.place)]
    return {layers.get(place, place) for place in places}


def _chosen(places: Sequence[str], ill: set[str]) -> list[int]:
    """Positions of the layers that are shown, in order."""
    if len(places) <= MOST_LAYERS:
        return list(range(len(places)))
    named = [at for at, place in enumerate(places) if place in ill][: MOST_LAYERS // 2]
    evenly = np.linspace(0, len(places) - 1, MOST_LAYERS - len(named)).round().astype(int)
    return sorted({*named, *map(int, evenly)})


def limits_of(one: Evidence) -> tuple[float, ...]:
    """The limit, or both."""
    return one.limit if isinstance(one.limit, tuple) else (one.limit,)


def comparable(one: Evidence, series: Series) -> bool:
    """Whether the value is one of the series' own values or lies among them, so that the limit does too."""
    if one.statistic not in PLAIN_STATISTICS or not math.isfinite(one.value):
        return False
    if one.unit and series.unit and one.unit != series.unit:
        return False
    steps, values = series.steps, series.values
    if one.steps:
        part = values[(steps >= one.steps[0]) & (steps <= one.steps[1])]
        values = part if len(part) else values
    values = values[np.isfinite(values)]
    if not len(values):
        return False
    room = 1e-3 * max(abs(one.value), 1e-12)
    return bool(values.min() - room <= one.value <= values.max() + room)
