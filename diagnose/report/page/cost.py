"""What the training cost: time by phase, throughput, memory, arithmetic."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from diagnose.report.page.arithmetic import arithmetic, flops
from diagnose.report.page.chart import Chart, Line
from diagnose.report.page.curves import Drawn, group, steps_axis
from diagnose.report.page.scale import Axis, axis_for
from diagnose.report.page.svg import bar
from diagnose.report.words import count, number
from diagnose.run import Floats, Run, Training

PHASES = (
    ("data_seconds", "loading data"), ("forward_seconds", "forward"), ("backward_seconds", "backward"),
    ("optimizer_seconds", "optimizer"), ("evaluation_seconds", "evaluation"),
)  # fmt: skip
REST = "everything else"
COLUMNS = 80  # of the picture; times are means over a column


@dataclass(frozen=True)
class Cost:
    """Of one training."""

    bar: Markup
    phases: tuple[tuple[str, str, str, str], ...]  # class, name, seconds, share
    figures: tuple[tuple[str, str], ...]
    pictures: tuple[Drawn, ...]


def cost(training: Training, run: Run) -> Cost | None:
    """None where no time was recorded."""
    seconds = training.series("seconds")
    if not len(seconds):
        return None
    parts = _parts(training, seconds.values)
    total = sum(float(np.nansum(values)) for _, values in parts)
    shares = [(f"c{i}", float(np.nansum(values)) / total if total else 0.0) for i, (_, values) in enumerate(parts)]
    phases = tuple(
        (kind, name, f"{number(float(np.nansum(values)), 3)} s", _percent(share))
        for (kind, share), (name, values) in zip(shares, parts, strict=True)
        if share > 0
    )
    words = ", ".join(f"{name} {share}" for _, name, _, share in phases)
    pictures = [one for one in (_times(training, parts), _memory(training)) if one]
    return Cost(bar(shares, f"time by phase: {words}"), phases, tuple(_figures(training, run, total)), tuple(pictures))


def _parts(training: Training, seconds: Floats) -> list[tuple[str, Floats]]:
    """Seconds by phase and step; what no phase claims is everything else, without what was before the first step."""
    known = training.series("seconds").steps
    parts = []
    for quantity, name in PHASES:
        series = training.series(quantity)
        values = np.zeros(len(known))
        if len(series):
            values[np.searchsorted(known, series.steps)] = np.nan_to_num(series.values)
        parts.append((name, values))
    rest = np.maximum(np.nan_to_num(seconds) - sum(values for _, values in parts), 0.0)
    if len(rest):
        rest[0] = 0.0
    return [*parts, (REST, rest)]


def _times(training: Training, parts: list[tuple[str, Floats]]) -> Drawn | None:
    steps = training.series("seconds").steps
    if len(steps) < 3 or not any(values.any() for _, values in parts):
        return None
    amount = min(COLUMNS, len(steps))
    starts = np.unique(np.linspace(0, len(steps), amount + 1).astype(int)[:-1])
    counts = np.diff([*starts, len(steps)])
    stack = np.cumsum([np.add.reduceat(values, starts) / counts * 1000 for _, values in parts], axis=0)
    high = float(np.quantile(stack[-1], 0.995)) * 1.15 or 1.0
    name = "milliseconds a step by phase"
    chart = Chart(name, steps_axis(training), Axis(0.0, high), group(training), 150)
    at = np.append(steps[starts], steps[-1])
    below = np.zeros(len(at))
    for position, (name, values) in enumerate(parts):
        top = np.append(stack[position], stack[position][-1])
        if values.any():
            chart.band(at, np.minimum(below, high), np.minimum(top, high), f"solid c{position}", name, stepped=True)
            chart.add(Line(at, top - below, f"c{position}", f"{name} (ms)", drawn=False))
        below = top
    every = float(np.median(counts))
    said = [f"means over {number(every)} steps" if every > 1 else "", _slow(stack[-1], high)]
    return Drawn("Time by phase", chart, "; ".join(["milliseconds a step", *filter(None, said)]))


def _slow(total: Floats, high: float) -> str:
    if not (total > high).any():
        return ""
    return f"slower steps, up to {number(float(total.max()), 2)} ms, are cut off at the top"


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "< 1%"


def _memory(training: Training) -> Drawn | None:
    series = training.series("memory_bytes").finite()
    if len(series) < 2:
        return None
    values = series.values / 2**20
    y = axis_for(values, log=False)
    if y is None:
        return None
    chart = Chart("memory by step, MiB", steps_axis(training), y, group(training), 90)
    chart.line(series.steps, values, "c0", "memory")
    told = (values[0], values.max(), values[-1])
    return Drawn("Memory", chart, "of the process, MiB", ("first", "highest", "last"),
                 (tuple(number(float(value), 4) for value in told),))  # fmt: skip


def _figures(training: Training, run: Run, total: float) -> list[tuple[str, str]]:
    seconds = training.series("seconds").values[1:]
    samples = training.series("samples").values
    kept = len(training.series("seconds"))
    of = f" that were recorded, of {training.steps:,}" if kept < training.steps else ""
    told = [("time in training", f"{number(total, 3)} s in {count(kept, 'step')}{of}" if total else "not measured")]
    usual = float(np.nanmedian(seconds)) if np.isfinite(seconds).any() else 0.0
    if usual > 0:
        told.append(("usual step", f"{number(usual * 1000, 3)} ms (median)"))
        batch = float(np.nanmedian(samples)) if np.isfinite(samples).any() else 0.0
        if batch:
            told.append(("throughput", f"{number(batch / usual, 3)} samples a second, batches of {number(batch)}"))
    memory = training.series("memory_bytes").finite().values
    if len(memory):
        told.append(("memory", f"at most {number(float(memory.max()) / 2**20, 4)} MiB seen"))
    computed = arithmetic(training)
    if computed:
        told.append(("arithmetic", computed.words))
        if usual > 0 and computed.backward is not None:
            told.append(("speed", f"{flops((computed.forward + computed.backward) / usual)} a second in a usual step"))
    told.append(("energy", "not measured"))
    overhead = run.facts.get("overhead") or {}
    if isinstance(overhead.get("fraction"), int | float):
        told.append(("cost of watching", f"{float(overhead['fraction']):.1%} of the training's time"))
    return told
