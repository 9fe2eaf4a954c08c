"""The page about two runs: the same pictures as of one run, side by side, on the same axes and colour scales."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from diagnose.report.comparing.comparison import Comparison, Parting, document, headline, parted, rows
from diagnose.report.html import CLOSING, OPENING, SCRIPTS, asset, environment, inside, policy
from diagnose.report.page.chart import Chart, Dots, Mark
from diagnose.report.page.curves import SMOOTHED, Drawn, group
from diagnose.report.page.heat import Heat, Quantity, Scale, heats, scale_image
from diagnose.report.page.layers import details
from diagnose.report.page.scale import Axis, axis_for, smoothed
from diagnose.report.page.verdict import SIGNS, WORDS, trained
from diagnose.report.words import number, plain, verdict
from diagnose.run import EvaluationSet, Floats, Steps, Training

MOST = 6  # pairs of trainings drawn
SIDES = ("before", "after")


@dataclass(frozen=True)
class Parts:
    """Where two pictures part: a step, and from it on a row; in units of the picture."""

    x: float
    y: float = 0.0
    tall: float = 0.0
    place: str = ""


@dataclass(frozen=True)
class Side:
    """One run's picture."""

    name: str
    heat: Heat
    parting: Parts | None


@dataclass(frozen=True)
class HeatPair:
    """One quantity of both runs, in the same colours."""

    quantity: Quantity
    sides: tuple[Side, ...]


@dataclass(frozen=True)
class Pair:
    """What the page shows of a training in both runs."""

    group: str
    title: str
    curves: tuple[Drawn, ...]
    heats: tuple[HeatPair, ...]
    details: dict[str, Any]


def render(comparison: Comparison) -> str:
    """One file that needs nothing else."""
    style, script = asset("style.css"), "\n".join(map(asset, SCRIPTS))
    runs = (comparison.before.run, comparison.after.run)
    matched = zip(runs[0].trainings, runs[1].trainings, comparison.partings, strict=False)
    pairs = [_pair(*one, several=len(comparison.partings) > 1) for one in list(matched)[:MOST]]
    sides = [
        {"name": name, "level": one.level, "sign": SIGNS[one.level], "word": WORDS[one.level], "sentence": verdict(one),
         "trained": trained(one.run), "command": " ".join(map(plain, (one.run.program, *one.run.arguments))),
         "path": plain(one.run.path)}
        for name, one in zip(SIDES, (comparison.before, comparison.after), strict=True)
    ]  # fmt: skip
    told = environment().get_template("compare.html").render(
        policy=policy(script, style), style=style, script=script, comparison=comparison, sides=sides, pairs=pairs,
        headline=headline(comparison), rows=rows(comparison), parted=parted(comparison),
        left_out=max(0, len(comparison.partings) - MOST), scale=scale_image() if any(one.heats for one in pairs) else "",
        details=inside({one.group: one.details for one in pairs}), opening=OPENING, document=inside(document(comparison)),
        closing=CLOSING,
    )  # fmt: skip
    return told.rstrip() + "\n"


def _pair(before: Training, after: Training, where: Parting, *, several: bool) -> Pair:
    last = max(before.steps - 1, after.steps - 1, 1)
    pictures = _heats(before, after, where, last)
    named = {place for one in pictures for side in one.sides for place in side.heat.places}
    known = [details(one, named) for one in (before, after)]
    layers = [one["layers"] for one in known]
    told = {
        name: " ".join(dict.fromkeys(one[name] for one in layers if name in one)) for name in {**layers[0], **layers[1]}
    }
    histograms = [{**held, "side": side} for one, side in zip(known, SIDES, strict=True) for held in one["histograms"]]
    return Pair(
        group=group(after), title=f"Training {after.id}" if several else "", heats=tuple(pictures),
        curves=tuple(_curves(before, after, where, last)),
        details={"last": last, "layers": told, "histograms": histograms},
    )  # fmt: skip


def _heats(before: Training, after: Training, where: Parting, last: int) -> list[HeatPair]:
    """Every quantity that both recorded, drawn on one scale."""
    apart = [{heat.quantity.id: heat for heat in heats(one, last)} for one in (before, after)]
    scales: dict[str, Scale] = {
        id: (min(one[id].low for one in apart), max(one[id].high for one in apart))
        for id in apart[0]
        if id in apart[1] and apart[0][id].quantity.log
    }
    drawn = [{heat.quantity.id: heat for heat in heats(one, last, scales)} for one in (before, after)]
    return [
        HeatPair(one.quantity, tuple(Side(name, made[id], _mark(made[id], where, last))
                                     for name, made in zip(SIDES, drawn, strict=True)))
        for id, one in drawn[0].items() if id in drawn[1]
    ]  # fmt: skip


def _mark(heat: Heat, where: Parting, last: int) -> Parts | None:
    step = where.layer_step if where.layer_step is not None else where.step
    if step is None:
        return None
    x = round(step / (last + 1) * 1000, 2)
    place = plain(where.layer or "")
    if place not in heat.places:
        return Parts(x)
    tall = heat.height / len(heat.places)
    return Parts(x, round(heat.places.index(place) * tall, 2), round(tall, 2), place)


def _curves(before: Training, after: Training, where: Parting, last: int) -> Iterator[Drawn]:
    """Loss, and loss and accuracy on other data, of both runs on one axis."""
    losses = [(one.series("loss").steps, one.series("loss").values) for one in (before, after)]
    made = _lines("Training loss", losses, where, after, last, 240, smooth=True)
    if made:
        yield made
    for a, b in _sets(before, after):
        name = plain(b.name) if a.name == b.name else f"{plain(a.name)} and {plain(b.name)}"
        made = _lines(f"Loss on {name}", [(a.steps, a.loss), (b.steps, b.loss)], where, after, last, 160)
        if made:
            yield made
        if np.isfinite(a.accuracy).any() and np.isfinite(b.accuracy).any():
            accuracies = [(a.steps, a.accuracy), (b.steps, b.accuracy)]
            made = _lines(f"Accuracy on {name}", accuracies, where, after, last, 120, axis=Axis(0.0, 1.0))
            if made:
                yield made


def _sets(before: Training, after: Training) -> list[tuple[EvaluationSet, EvaluationSet]]:
    """Evaluation sets of the same name; where each run has one only, those."""
    a, b = ([held for held in one.evaluations if len(held)] for one in (before, after))
    if len(a) == len(b) == 1:
        return [(a[0], b[0])]
    named = {held.name: held for held in a}
    return [(named[held.name], held) for held in b if held.name in named][:3]


def _lines(
    title: str, values: list[tuple[Steps, Floats]], where: Parting, training: Training, last: int, height: int, *,
    smooth: bool = False, axis: Axis | None = None,
) -> Drawn | None:  # fmt: skip
    y = axis or axis_for(*(one for _, one in values))
    if y is None:
        return None
    chart = Chart(f"{title} of both runs by step", Axis(0.0, float(last)), y, group(training), height)
    if where.step is not None:
        chart.add(Mark(where.step, "seen", f"the losses differ from step {where.step:,} on", f"part at step {where.step:,}"))
    for position, (name, (steps, one)) in enumerate(zip(SIDES, values, strict=True)):
        window = int(len(one) * SMOOTHED) if smooth else 1
        if window > 1:
            chart.line(steps, one, f"c{position} faint", quiet=True)
            chart.line(steps, smoothed(one, window), f"c{position}", f"{name} (mean of {window:,})")
        else:
            chart.line(steps, one, f"c{position}", name)
        if not smooth:
            chart.add(Dots(steps, one, f"c{position}"))
    table = tuple((name, *_ends(one)) for name, (_, one) in zip(SIDES, values, strict=True) if len(one))
    return Drawn(title, chart, "logarithmic axis" if y.log else "", ("run", "first", "lowest", "highest", "last"), table)


def _ends(values: Floats) -> tuple[str, ...]:
    known = values[np.isfinite(values)]
    if not len(known):
        return ("nan",) * 4
    return tuple(number(float(one)) for one in (values[0], known.min(), known.max(), values[-1]))
