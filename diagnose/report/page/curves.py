"""The loss and the metrics of a training: every step, every evaluation, and what was found marked on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from diagnose.finding import SEVERITIES, Finding
from diagnose.report.page.chart import Chart, Dots, Mark
from diagnose.report.page.scale import Axis, axis_for, smoothed
from diagnose.report.words import count, number, plain, title
from diagnose.run import EvaluationSet, Floats, Series, Steps, Training

SMOOTHED = 0.02  # share of the steps that the mean line of a training loss goes over
FEW = 40  # steps; fewer are drawn as they are
MOST_EVALUATIONS = 5  # sets drawn; the table holds all
CLOSE = 0.03  # of all steps: marks this near stand together
MOST_EPOCHS = 30  # drawn as lines; more would be a grey area


@dataclass(frozen=True)
class Drawn:
    """A chart and the words around it."""

    title: str
    chart: Chart | None
    note: str = ""
    head: tuple[str, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()


def steps_axis(training: Training) -> Axis:
    """All steps of the training."""
    return Axis(0.0, float(max(training.steps - 1, 1)))


def curves(training: Training, findings: Sequence[tuple[str, Finding]] = ()) -> list[Drawn]:
    """Loss, accuracy, and learning rate, as far as they were recorded; findings are marked by their numbers."""
    drawn = (_loss(training, findings), _accuracy(training), _rate(training))
    return [one for one in drawn if one is not None]


def group(training: Training) -> str:
    """Charts of one training are linked."""
    return f"t{training.id}"


def _loss(training: Training, findings: Sequence[tuple[str, Finding]]) -> Drawn | None:
    lines = _training_lines(training)
    sets = [one for one in training.evaluations if len(one)][:MOST_EVALUATIONS]
    y = axis_for(*(values for _, _, values in lines), *(one.loss for one in sets))
    if y is None:
        return Drawn("Loss", None, "not a number at every step that was recorded") if lines else None
    chart = Chart("loss of training and evaluation by step", steps_axis(training), y, group(training), 240)
    _epochs(chart, training)
    marked = _marks(chart, training, findings)
    many = len(lines) > 1
    for position, (label, steps, values) in enumerate(lines):
        window, raw = int(len(steps) * SMOOTHED), values
        if len(steps) >= FEW and window > 1:
            chart.line(steps, values, f"c{position} faint", quiet=True)
            values = np.where(np.isfinite(raw), smoothed(raw, window), np.nan)
            label += f" (mean of {window:,})"
        chart.line(steps, values, f"c{position}", label)
        chart.gaps(steps, raw)
    if not many and lines and sets:
        _, steps, values = lines[0]
        best = sets[0]
        if len(best) > 1:
            window = max(1, int(len(steps) * SMOOTHED))
            trained = np.interp(best.steps, steps, smoothed(values, window))
            chart.band(best.steps, np.minimum(trained, best.loss), np.maximum(trained, best.loss), "gap",
                       f"gap between training and {plain(best.name)}")
    for position, one in enumerate(sets, start=len(lines)):
        kind = f"c{position % 8}"
        if np.isfinite(one.noise).any():
            chart.band(one.steps, one.loss - one.noise, one.loss + one.noise, kind, f"± noise of {plain(one.name)}")
        chart.line(one.steps, one.loss, kind, _called(one))
        chart.add(Dots(one.steps, one.loss, kind))
    return Drawn(
        "Loss", chart, _loss_note(training, y, marked),
        ("curve", "first", "lowest", "last"),
        tuple(_table(lines, list(training.evaluations))),
    )  # fmt: skip


def _training_lines(training: Training) -> list[tuple[str, Steps, Floats]]:
    """The losses that are minimised: each site where there are several, else the one of the steps."""
    sites = training.training_losses
    if len(sites) > 1:
        several = [(plain(site.id), training.series("training_loss", site.id)) for site in sites[:4]]
        lines = [(name, series.steps, series.values) for name, series in several if len(series)]
        if lines:
            return lines
    series = training.series("loss")
    return [("training", series.steps, series.values)] if len(series) else []


def _called(one: EvaluationSet) -> str:
    return plain(one.name) + (" (loss computed by us)" if one.shadow else "")


def _loss_note(training: Training, y: Axis, marked: bool) -> str:
    told = ["upright lines: where findings begin, by number"] if marked else []
    if y.log:
        told.append("logarithmic axis")
    if training.epochs:
        marks = ", marked" if 1 < len(training.epochs) <= MOST_EPOCHS else ""
        told.append(count(len(training.epochs), "epoch") + marks)
    if not any(len(one) for one in training.evaluations):
        told.append("no evaluation on other data was seen")
    broken = int((~np.isfinite(training.series("loss").values)).sum())
    if broken:
        told.append(f"not a number at {count(broken, 'step')}: a gap in the line")
    told += _thinned(training)
    return "; ".join(told)


def _thinned(training: Training) -> list[str]:
    """That not every step was recorded, where so: straight stretches of a line are no calm."""
    kept = len(training.series("loss"))
    return [f"recorded at {kept:,} of {training.steps:,} steps"] if 0 < kept < 0.98 * training.steps else []


def _table(lines: list[tuple[str, Steps, Floats]], sets: list[EvaluationSet]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for label, steps, values in [*lines, *((_called(one), one.steps, one.loss) for one in sets if len(one))]:
        finite = np.isfinite(values)
        low = int(np.argmin(np.where(finite, values, np.inf)))
        lowest = f"{number(float(values[low]))} (step {int(steps[low]):,})" if finite.any() else "none"
        rows.append((label, number(float(values[0])), lowest, f"{number(float(values[-1]))} (step {int(steps[-1]):,})"))
    return rows


def _epochs(chart: Chart, training: Training) -> None:
    if 1 < len(training.epochs) <= MOST_EPOCHS:
        for number_, step in enumerate(training.epochs, start=1):
            if step:
                chart.add(Mark(step, "epoch", f"epoch {number_}"))


def _marks(chart: Chart, training: Training, findings: Sequence[tuple[str, Finding]]) -> bool:
    """Marks where findings begin, but for the first step; those close together share a mark. Whether there is any."""
    begun = sorted((
        (finding.steps[0], called, finding) for called, finding in findings
        if finding.training == training.id and finding.loud and finding.steps and finding.steps[0] > 0
    ), key=lambda one: one[0])  # fmt: skip
    shared: list[list[tuple[int, str, Finding]]] = []
    for one in begun:
        if shared and one[0] - shared[-1][0][0] < CLOSE * max(training.steps, 1):
            shared[-1].append(one)
        else:
            shared.append([one])
    for together in shared:
        worst = min((finding.severity for _, _, finding in together), key=SEVERITIES.index)
        words = "; ".join(f"{called} {title(finding.rule)}, from step {step:,}" for step, called, finding in together)
        called = ", ".join(called for _, called, _ in sorted(together, key=lambda one: one[1]))
        word = f"{called} {title(together[0][2].rule)}" if len(together) == 1 else called
        chart.add(Mark(together[0][0], worst, words, word))
    return bool(shared)


def _accuracy(training: Training) -> Drawn | None:
    lines: list[tuple[str, Steps, Floats]] = []
    for site in training.training_losses:
        series = training.series("loss_accuracy", site.id).measured()
        if len(series):
            lines.append(("training (single batches)", series.steps, series.values))
            break
    sets = [one for one in training.evaluations if np.isfinite(one.accuracy).any()][:MOST_EVALUATIONS]
    every = [*lines, *((plain(one.name), one.steps, one.accuracy) for one in sets)]
    if not every:
        return None
    chart = Chart("accuracy by step", steps_axis(training), Axis(0.0, 1.0), group(training), 120)
    if lines:
        window = max(1, len(lines[0][1]) // 25)
        chart.line(lines[0][1], lines[0][2], "c0 faint", quiet=True)
        chart.line(lines[0][1], smoothed(lines[0][2], window), "c0", lines[0][0])
    for position, one in enumerate(sets, start=1):
        chart.line(one.steps, one.accuracy, f"c{position}", plain(one.name))
        chart.add(Dots(one.steps, one.accuracy, f"c{position}"))
    rows = []
    for label, steps, values in every:
        best = int(np.argmax(np.where(np.isfinite(values), values, -np.inf)))
        rows.append((label, number(float(values[0])), f"{number(float(values[best]))} (step {int(steps[best]):,})",
                     number(float(values[-1]))))  # fmt: skip
    head = ("set", "first", "highest", "last")
    return Drawn("Accuracy", chart, "share of the samples that were classified right", head, tuple(rows))


def _rate(training: Training) -> Drawn | None:
    series = training.series("learning_rate").finite()
    if not len(series):
        return None
    lines = _by_optimizer(training, series)
    if all(np.ptp(values) == 0 for _, _, values in lines):
        told = [f"{number(float(values[0]))}{f' ({name})' if len(lines) > 1 else ''}" for name, _, values in lines]
        return Drawn("Learning rate", None, f"{', '.join(told)} at every step")
    y = axis_for(series.values)
    if y is None:
        return None
    chart = Chart("learning rate by step", steps_axis(training), y, group(training), 90)
    rows = []
    for position, (name, steps, values) in enumerate(lines):
        chart.line(steps, values, f"c{(4 + position) % 8}", name)
        rows.append((name, *(number(float(value)) for value in (values[0], values.max(), values[-1]))))
    note = "logarithmic axis" if y.log else ""
    return Drawn("Learning rate", chart, note, ("optimizer", "first", "highest", "last"), tuple(rows))


def _by_optimizer(training: Training, series: Series) -> list[tuple[str, Steps, Floats]]:
    """A series of all steps, by the optimizer that made each step."""
    names = {one.index: plain(one.type) for one in training.optimizers}
    if len(names) < 2:
        return [(next(iter(names.values()), "learning rate"), series.steps, series.values)]
    which = training.series("optimizer")
    at = np.searchsorted(which.steps, series.steps)
    if not len(which) or at.max() >= len(which):
        return [("learning rate", series.steps, series.values)]
    made = which.values[at]
    lines = []
    for index, name in names.items():
        own = made == index
        if own.any():
            same = sum(other == name for other in names.values()) > 1
            lines.append((f"{name} {index + 1}" if same else name, series.steps[own], series.values[own]))
    return lines or [("learning rate", series.steps, series.values)]
