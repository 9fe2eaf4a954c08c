"""The page about two runs."""

from __future__ import annotations

import numpy as np

from diagnose.report.comparing.comparison import Comparison, parted, rows
from diagnose.report.html import asset, environment, policy
from diagnose.report.page.chart import Chart
from diagnose.report.page.curves import SMOOTHED, Drawn
from diagnose.report.page.scale import Axis, axis_for, smoothed
from diagnose.report.words import verdict
from diagnose.run import Training

MOST = 6  # pairs of trainings drawn


def render(comparison: Comparison) -> str:
    """One file, without a script."""
    style = asset("style.css")
    sides = {name: (one, verdict(one)) for name, one in (("before", comparison.before), ("after", comparison.after))}
    pairs = zip(comparison.before.run.trainings, comparison.after.run.trainings, strict=False)
    pictures = [picture for a, b in list(pairs)[:MOST] for picture in (_loss(a, b),) if picture]
    told = environment().get_template("compare.html").render(
        policy=policy("", style), style=style, comparison=comparison, sides=sides, rows=rows(comparison),
        parted=parted(comparison), pictures=pictures,
    )  # fmt: skip
    return told.rstrip() + "\n"


def _loss(before: Training, after: Training) -> Drawn | None:
    """Both training losses on one axis of steps."""
    series = [(name, one.series("loss")) for name, one in (("before", before), ("after", after))]
    y = axis_for(*(one.values for _, one in series))
    if y is None:
        return None
    last = float(max([1, *(int(one.steps[-1]) for _, one in series if len(one))]))
    chart = Chart("training loss of both runs by step", Axis(0.0, last), y, height=240)
    for position, (name, one) in enumerate(series):
        window = max(1, int(len(one) * SMOOTHED))
        if np.isfinite(one.values).any():
            chart.line(one.steps, one.values, f"c{position} faint", quiet=True)
            chart.line(one.steps, smoothed(one.values, window), f"c{position}", f"{name} (mean of {window})")
    return Drawn("Training loss", chart, "logarithmic axis" if y.log else "")
