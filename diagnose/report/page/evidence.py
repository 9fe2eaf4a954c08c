"""What made a rule speak, drawn: the quantity over the steps, at every layer, or as one value beside its limit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from diagnose.finding import Evidence, Finding
from diagnose.report.page.chart import Chart, Dots, Limit, Mark, Span
from diagnose.report.page.curves import SMOOTHED, group, steps_axis
from diagnose.report.page.profile import Profile, comparable, limits_of, profile
from diagnose.report.page.scale import Axis, axis_for, smoothed
from diagnose.report.words import number, numbers, plain, span, statement, unbounded
from diagnose.run import Floats, Series, Steps, Training

DRAWN = 2  # pieces of evidence drawn for a finding; all are told in words
FEW = 60  # values that are marked by dots
BAD_SIDES: dict[str, tuple[bool, ...]] = {"above": (True,), "below": (False,), "outside": (False, True)}


@dataclass(frozen=True)
class Gauge:
    """A value and its limits on one line: for ratios, falls and counts that are no curve over steps."""

    name: str
    value: float
    limits: tuple[float, ...]
    comparison: str

    @property
    def axis(self) -> Axis:
        """Holds the value and the limits, with room beyond."""
        values = np.array([self.value, *self.limits], float)
        low, high = float(values.min()), float(values.max())
        if (values > 0).all() and high / low > 100:
            return Axis(low / 3, high * 3, True)
        room = 0.25 * (high - low) or abs(high) * 0.5 or 1.0
        return Axis(0.0 if low >= 0 else low - room, high + room)

    @property
    def beyond(self) -> list[tuple[float, float]]:
        """The stretches of the line where the fault is, as shares of it."""
        shares = [float(share) for share in self.axis.share(np.array(self.limits, float))]
        first, last = min(shares), max(shares)
        return {"above": [(last, 1.0)], "below": [(0.0, first)], "outside": [(0.0, first), (last, 1.0)],
                "within": [(first, last)]}.get(self.comparison, [])  # fmt: skip

    def markup(self) -> Markup:
        """As inline SVG."""
        shares = [float(share) * 100 for share in self.axis.share(np.array([self.value, *self.limits], float))]
        texts = numbers(self.value, *self.limits)
        parts = [Markup('<line class="grid" x1="0" x2="100%" y1="30" y2="30"/>')]
        parts += [Markup('<rect class="beyond" x="{:.2f}%" width="{:.2f}%" y="22" height="16"/>').format(
            100 * a, 100 * (b - a)) for a, b in self.beyond]  # fmt: skip
        for share, text in zip(shares[1:], texts[1:], strict=True):
            parts.append(Markup('<line class="limit" x1="{0:.2f}%" x2="{0:.2f}%" y1="18" y2="42"/>').format(share))
            parts.append(Markup('<text class="limit-word" x="{:.2f}%" y="55" text-anchor="{}">limit {}</text>').format(
                share, _aligned(share), text))  # fmt: skip
        parts.append(Markup('<circle class="value" cx="{:.2f}%" cy="30" r="6"/>').format(shares[0]))
        parts.append(Markup('<text class="value-word" x="{:.2f}%" y="13" text-anchor="{}">{}</text>').format(
            shares[0], _aligned(shares[0]), texts[0]))  # fmt: skip
        return Markup('<svg class="gauge" width="100%" height="60" role="img" aria-label="{}">{}</svg>').format(
            self.name, Markup("").join(parts)
        )


Picture = Chart | Gauge | Profile


@dataclass(frozen=True)
class Seen:
    """A piece of evidence: the sentence, and the pictures of it."""

    said: str
    pictures: tuple[Picture, ...]


def seen(finding: Finding, training: Training) -> tuple[Seen, ...]:
    """The first pieces of evidence with their pictures, each quantity and place once; one profile at most."""
    drawn: list[Seen] = []
    told: set[tuple[str, str | None]] = set()
    profiled = False
    for one in finding.evidence:
        if len(drawn) == DRAWN or (one.quantity, one.place) in told:
            continue
        told.add((one.quantity, one.place))
        by_layer = None if profiled else profile(one, finding, training)
        profiled = profiled or by_layer is not None
        pictures = [picture for picture in (*_over_steps(one, training), by_layer) if picture is not None]
        if pictures:
            drawn.append(Seen(statement(one), tuple(pictures)))
    return tuple(drawn)


def _over_steps(one: Evidence, training: Training) -> list[Picture]:
    """The quantity over the steps; with a gauge where the limit is of another kind than the curve's values."""
    curve = _curve(one, training)
    gauge = _gauge(one)
    if curve is None:
        return [gauge] if gauge else []
    alike = comparable(one, curve)
    limits = limits_of(one)
    others = _others(one, training)
    include = tuple(limit for limit in limits if math.isfinite(limit)) if alike else ()
    y = axis_for(curve.values, *(values for _, _, values in others), include=include)
    if one.quantity.endswith("_share") and y is not None and y.high > 0.5:
        y = Axis(0.0, 1.0)
    if y is None:
        return [gauge] if gauge else []
    name = f"{plain(one.quantity).replace('_', ' ')}{f' at {plain(one.place)}' if one.place else ''}"
    chart = Chart(f"{name} by step; {statement(one)}", steps_axis(training), y, group(training), 120)
    if alike:
        sides: Sequence[bool | None] = BAD_SIDES.get(one.comparison, (None,) * len(limits))
        for limit, above in zip(limits, sides, strict=False):
            chart.add(Limit(limit, f"limit {number(limit)}", above))
    for position, (label, steps, values) in enumerate(others):
        chart.line(steps, values, f"c{position}", label)
    kind = f"c{len(others)}"
    chart.line(curve.steps, curve.values, kind, name)
    chart.gaps(curve.steps, curve.values)
    if len(curve) <= FEW:
        chart.add(Dots(curve.steps, curve.values, kind))
    if one.steps:
        chart.add(Span(one.steps[0], one.steps[1], f"seen in {span(one.steps)}"))
        if not alike and one.steps[0] > 0:
            chart.add(Mark(one.steps[0], "seen", f"from step {one.steps[0]:,}", f"step {one.steps[0]:,}"))
    return [chart] if alike or gauge is None else [chart, gauge]


def _curve(one: Evidence, training: Training) -> Series | None:
    """What was measured of the evidence's quantity over the steps; None where there is no curve."""
    if one.quantity in ("evaluation_loss", "evaluation_accuracy"):
        held = next((held for held in training.evaluations if held.id == one.place or held.name == one.place), None)
        if held is None:
            return None
        values = held.loss if one.quantity == "evaluation_loss" else held.accuracy
        found = Series(one.quantity, one.place, held.steps, values)
    elif " / " in one.quantity:
        above, below = (training.series(name, one.place) for name in one.quantity.split(" / ", 1))
        steps, at, at_below = np.intersect1d(above.steps, below.steps, return_indices=True)
        if above.values.ndim != 1 or below.values.ndim != 1:
            return None
        with np.errstate(divide="ignore", invalid="ignore"):
            found = Series(one.quantity, one.place, steps, above.values[at] / below.values[at_below], "ratio")
    else:
        found = training.series(one.quantity, one.place)
    if found.values.ndim != 1:
        return None
    if unbounded(one):
        return found if np.isfinite(found.values).any() else None
    measured = found.measured()
    return measured if len(measured) >= 3 else None


def _others(one: Evidence, training: Training) -> list[tuple[str, Steps, Floats]]:
    """What a curve is to be seen beside: a loss on other data beside that of the training."""
    if one.quantity != "evaluation_loss":
        return []
    trained = training.series("loss")
    window = max(1, int(len(trained) * SMOOTHED))
    name = "training loss" + (f" (mean of {window:,})" if window > 1 else "")
    return [(name, trained.steps, smoothed(trained.values, window))] if len(trained) else []


def _gauge(one: Evidence) -> Gauge | None:
    limits = limits_of(one)
    if not all(math.isfinite(v) and abs(v) < 1e37 for v in (one.value, *limits)):
        return None
    return Gauge(statement(one), one.value, limits, one.comparison)


def _aligned(percent: float) -> str:
    return "start" if percent < 12 else "end" if percent > 88 else "middle"
