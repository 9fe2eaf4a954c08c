"""The small pictures of the gallery: losses of runs, and what a network looks at."""

from __future__ import annotations

import io
from collections.abc import Sequence

import matplotlib
import numpy as np

from diagnose.explanation import Array, Explanation
from diagnose.run import Floats, Steps, Training

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # after the choice of the backend
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SIZE = (3.6, 1.9)  # inches


def losses(runs: Sequence[tuple[str, str, Training]]) -> bytes:
    """Losses of trainings with their names and colours: training thin, validation dashed."""
    figure, axes = plt.subplots(figsize=SIZE, dpi=110, layout="constrained")
    highest, lowest = 0.0, float("inf")
    for name, colour, training in runs:
        steps, values = _smoothed(training)
        label = f"{name}, " if name else ""
        axes.plot(steps, values, color=colour, linewidth=1, alpha=0.8, label=f"{label}training")
        seen = [values]
        longest = max(training.evaluations, key=len, default=None)
        if longest is not None and len(longest) > 2:
            share = longest.steps / max(training.steps - 1, 1)
            axes.plot(share, longest.loss, color=colour, linewidth=1.6, linestyle="--", label=f"{label}validation")
            seen.append(longest.loss)
        finite = np.concatenate(seen)
        finite = finite[np.isfinite(finite)]
        if len(finite):
            highest, lowest = max(highest, float(np.percentile(finite, 98))), min(lowest, float(finite.min()))
    if lowest > 0 and highest > 0:
        axes.set_yscale("log")  # losses of the two may be sums and means
    elif highest > 0:
        axes.set_ylim(top=1.1 * highest)
    axes.set_xlabel("share of the training", fontsize=7)
    axes.set_ylabel("loss", fontsize=7)
    axes.legend(fontsize=5.5, frameon=False)
    _plain(axes)
    return _png(figure)


def attribution(explanation: Explanation) -> bytes:
    """What matters overall, an input beside the other: pictures where it has two sides, else bars along its positions."""
    given = [(one, explanation.global_importance[one.id]) for one in explanation.inputs if one.id in explanation.global_importance]
    sample = next(iter(explanation.samples), None)
    figure, drawn = plt.subplots(1, 2 if len(given) == 1 and sample and _picture(given[0][1]) else max(1, len(given)), figsize=SIZE,
                                 dpi=110, layout="constrained", squeeze=False)  # fmt: skip
    for axes, (one, values) in zip(drawn[0], given, strict=False):
        if _picture(values):
            if sample and one.id in sample.inputs and len(given) == 1:
                _image(axes, sample.inputs[one.id], "gray", "a sample")
                axes = drawn[0, 1]
            _image(axes, values, "Greys", explanation.method)
            continue
        heights = np.squeeze(values).reshape(-1)
        axes.bar(np.arange(len(heights)), heights, width=1.0 if len(heights) > 20 else 0.8, color="#0072b2")
        axes.set_title(f"{one.id}: {explanation.method}" if len(given) == 1 else one.id, fontsize=7)
        axes.set_xlabel("column" if one.kind == "tabular" else "position", fontsize=7)
        _plain(axes)
    return _png(figure)


def _picture(values: Array) -> bool:
    shape = np.squeeze(values).shape
    return len(shape) == 2 and min(shape) > 3


def _image(axes: Axes, values: Array, colours: str, title: str) -> None:
    axes.imshow(np.squeeze(values), cmap=colours, interpolation="nearest")
    axes.set_title(title, fontsize=7)
    axes.set_axis_off()


def _plain(axes: Axes) -> None:
    axes.tick_params(which="both", labelsize=6)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _png(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", metadata={"Software": None})
    plt.close(figure)
    return file.getvalue()


def _smoothed(training: Training, points: int = 80) -> tuple[Steps | Floats, Floats]:
    """The training loss as means over equal parts of the training, at their shares of it."""
    series = training.series("loss").measured()
    if not len(series):
        return np.empty(0), np.empty(0)
    parts = np.array_split(np.arange(len(series)), min(points, len(series)))
    with np.errstate(all="ignore"):
        values = np.array([series.values[part].mean() for part in parts])
    return np.array([series.steps[part].mean() for part in parts]) / max(training.steps - 1, 1), values
