"""A chart, a profile, a gauge or a picture layer by step, drawn by matplotlib."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.ticker import FixedLocator, FuncFormatter, NullFormatter, NullLocator

from diagnose.report.page.chart import Band, Chart, Dots, Limit, Line, Mark, Span
from diagnose.report.page.curves import Drawn
from diagnose.report.page.evidence import Gauge, Picture, Seen
from diagnose.report.page.heat import FIRST, LAST, Heat, palette
from diagnose.report.page.profile import Profile
from diagnose.report.page.scale import Axis, reduced
from diagnose.report.words import number, numbers, plain

WIDE = 8.0  # inches
COLOURS = {  # of the page on paper
    "c0": "#1f6fb4", "c1": "#c8500a", "c2": "#1b7f4b", "c3": "#8e44ad", "c4": "#5b6573", "c5": "#a3195b", "c6": "#7a6a00",
    "c7": "#0b7a83", "gap": "#5b6573", "epoch": "#d7dbe0", "seen": "#1c2127", "error": "#b3261e", "warning": "#8a5300",
}  # fmt: skip
INK, QUIET, LIMIT = "#1c2127", "#59626d", "#b3261e"
PIXELS = 80  # of the page's height an inch
MOST_NAMES = 70  # layers that are named beside a picture; of more, every so many


def over_steps(drawn: Drawn, where: str = "") -> Figure:
    """A chart of the page with its title, note and legend."""
    assert drawn.chart is not None
    figure = _figure(drawn.chart.height / PIXELS + 1.3)
    axes = figure.subplots()
    _titled(axes, drawn.title, "; ".join(filter(None, (where, drawn.note))))
    _chart(axes, drawn.chart)
    axes.set_xlabel("step", color=QUIET)
    return figure


def layers_by_steps(heat: Heat, where: str = "") -> Figure:
    """A quantity at every layer over the steps, in colours that are not cut off."""
    rows = len(heat.places)
    figure = _figure(min(11.0, max(1.2, rows * 0.16)) + 1.6)
    axes = figure.subplots()
    note = textwrap.fill(heat.quantity.explanation, 110)
    _titled(axes, heat.quantity.name, "\n".join(filter(None, (where, note))))
    axes.grid(visible=False)
    axes.patch.set(facecolor="white", hatch="////", edgecolor="#c4c9cf")
    colours = np.concatenate([palette(), np.full((256, 1), 255, np.uint8)], axis=1)
    colours[0, 3] = 0
    extent = (0.0, float(heat.last_step + 1), float(rows), 0.0)
    axes.imshow(colours[heat.indices], extent=extent, aspect="auto", interpolation="nearest", zorder=2)
    every = -(-rows // MOST_NAMES)
    names = [plain(name) for name in heat.places]
    axes.set_yticks(np.arange(0, rows, every) + 0.5, [_short(name) for name in names[::every]], fontsize=7)
    axes.tick_params(length=0, axis="y")
    axes.set_xlabel("step", color=QUIET)
    told = [words for there, words in ((heat.zeros, "black: exactly zero"), (heat.infinite, "red: infinite"),
                                       (heat.missing, "hatched: not measured, or nan")) if there]  # fmt: skip
    scale: Normalize = LogNorm(heat.low, heat.high) if heat.quantity.log else Normalize(heat.low, heat.high)
    map_ = ListedColormap(palette()[FIRST : LAST + 1] / 255)
    bar = figure.colorbar(ScalarMappable(scale, map_), ax=axes, orientation="horizontal", aspect=45, shrink=0.6, pad=0.02)
    ticks = heat.axis.ticks(5)
    _marked(bar.ax.xaxis, ticks)
    bar.set_label("; ".join(["logarithmic" if heat.quantity.log else "linear", *told]), color=QUIET, fontsize=8)
    return figure


def evidence(title: str, seen: Sequence[Seen]) -> Figure:
    """All that was drawn for a finding, one under the other."""
    pictures = [(one.said if not at else "", picture) for one in seen for at, picture in enumerate(one.pictures)]
    heights = [_height(picture) for _, picture in pictures]
    figure = _figure(sum(heights) + 0.4)
    figure.suptitle(textwrap.fill(title, 90), x=0.01, ha="left", fontsize=12, fontweight="bold", color=INK)
    every = figure.subplots(len(pictures), 1, squeeze=False, gridspec_kw={"height_ratios": heights})[:, 0]
    for axes, (said, picture) in zip(every, pictures, strict=True):
        if isinstance(picture, Chart):
            _chart(axes, picture)
        elif isinstance(picture, Gauge):
            _gauge(axes, picture)
        else:
            said = "\n".join(filter(None, (textwrap.fill(said, 110), picture.name)))
            _profile(axes, picture)
        axes.set_title(textwrap.fill(said, 110) if "\n" not in said else said, fontsize=9, color=INK, loc="left")
    return figure


def _figure(height: float) -> Figure:
    figure = Figure(figsize=(WIDE, height), layout=ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08))
    FigureCanvasAgg(figure)  # pyplot would touch the program's own figures
    return figure


def _height(picture: Picture) -> float:
    if isinstance(picture, Chart):
        return picture.height / PIXELS + 0.8
    return 0.95 if isinstance(picture, Gauge) else 0.17 * len(picture.levels) + 0.6


def _titled(axes: Any, title: str, note: str) -> None:
    note = textwrap.fill(note, 110) if "\n" not in note else note
    axes.set_title(title, fontsize=12, fontweight="bold", color=INK, pad=8 + 12 * len(note.splitlines()))
    axes.text(0.0, 1.0, note, transform=axes.transAxes, va="bottom", fontsize=8, color=QUIET, linespacing=1.2)


def _chart(axes: Any, chart: Chart) -> None:
    axes.set_xlim(chart.x.low, chart.x.high)
    _scaled(axes, chart.y)
    for part in chart.parts:
        match part:
            case Line():
                if part.drawn:
                    steps, values = reduced(part.steps, part.values)
                    faint = "faint" in part.kind
                    axes.plot(steps, np.where(np.isfinite(values), values, np.nan), color=_colour(part.kind),
                              lw=0.8 if faint else 1.5, alpha=0.35 if faint else 1.0,
                              marker="." if np.isfinite(values).sum() == 1 else None)  # fmt: skip
            case Dots():
                axes.plot(part.steps, part.values, "o", ms=3, color=_colour(part.kind))
            case Band():
                axes.fill_between(part.steps, part.low, part.high, color=_colour(part.kind), lw=0,
                                  alpha=0.82 if "solid" in part.kind else 0.17,
                                  step="post" if part.stepped else None)  # fmt: skip
            case Span():
                _span(axes, part)
            case Limit():
                _limit(axes, chart.y, part)
            case Mark():
                axes.axvline(part.step, color=_colour(part.kind), lw=0.9, ls=":" if part.kind == "seen" else "-")
                if part.word:
                    end = chart.x.share(np.array([part.step], float))[0] > 0.6
                    axes.annotate(plain(part.word), (part.step, 1), xycoords=("data", "axes fraction"), va="top",
                                  xytext=(-3 if end else 3, -2), textcoords="offset points", fontsize=8, fontweight="bold",
                                  ha="right" if end else "left", color=_colour(part.kind))  # fmt: skip
    if len(chart.legend) > 1:
        handles = [Patch(color=_colour(kind), alpha=1.0 if "band" not in kind or "solid" in kind else 0.3, label=label)
                   for kind, label in chart.legend]  # fmt: skip
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0), borderaxespad=4.2, fontsize=8,
                    ncols=min(3, len(handles)), handlelength=1.2, handleheight=0.7)  # fmt: skip


def _span(axes: Any, part: Span) -> None:
    if part.broken:
        axes.axvspan(part.first, part.last, facecolor="none", edgecolor=LIMIT, alpha=0.45, hatch="////", lw=0)
        return
    foot = axes.get_xaxis_transform()
    axes.plot([part.first, part.last], [0, 0], transform=foot, color=INK, lw=4, alpha=0.5, solid_capstyle="butt", clip_on=False)


def _limit(axes: Any, y: Axis, part: Limit) -> None:
    if part.bad_above is not None:
        axes.axhspan(part.value, y.high if part.bad_above else y.low, color=LIMIT, alpha=0.07, lw=0)
    axes.axhline(part.value, color=LIMIT, lw=1.2, ls="--")
    axes.annotate(part.label, (1, part.value), xycoords=("axes fraction", "data"), xytext=(-3, 3), ha="right",
                  textcoords="offset points", fontsize=8, color=LIMIT, fontweight="bold")  # fmt: skip


def _gauge(axes: Any, gauge: Gauge) -> None:
    axis = gauge.axis
    axes.set_xlim(axis.low, axis.high)
    if axis.log:
        axes.set_xscale("log")
    axes.set_ylim(0, 1)
    axes.axis("off")
    axes.axhline(0.5, color="#d7dbe0", lw=1)
    for first, last in gauge.beyond:
        axes.add_patch(_box(axes, first, last))
    value, *limits = numbers(gauge.value, *gauge.limits)
    for limit, text in zip(gauge.limits, limits, strict=True):
        axes.plot([limit, limit], [0.25, 0.75], color=LIMIT, lw=1.3, ls="--")
        axes.text(limit, 0.2, f"limit {text}", ha="center", va="top", fontsize=8, color=LIMIT, fontweight="bold")
    axes.plot([gauge.value], [0.5], "o", color=COLOURS["c0"], ms=7)
    axes.text(gauge.value, 0.82, value, ha="center", fontsize=8, fontweight="bold", color=INK)


def _box(axes: Any, first: float, last: float) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle((first, 0.36), last - first, 0.28, transform=axes.transAxes, color=LIMIT, alpha=0.15, lw=0)


def _profile(axes: Any, profile: Profile) -> None:
    rows = range(len(profile.levels))
    axes.set_xlim(profile.axis.low, profile.axis.high)
    if profile.axis.log:
        axes.set_xscale("log")
    for row, level in zip(rows, profile.levels, strict=True):
        colour = LIMIT if level.ill else COLOURS["c4"]
        if level.share is not None:
            if not profile.axis.log:
                axes.barh(row, level.value, color=colour, alpha=0.35, height=0.5)
            axes.plot([level.value], [row], "o", color=colour, ms=4.5, clip_on=False)
        axes.text(1.01, row, level.text, transform=axes.get_yaxis_transform(), va="center", fontsize=8, color=colour)
    if profile.limit is not None:
        axes.axvline(profile.limit, color=LIMIT, lw=1.2, ls="--")
    axes.set_ylim(len(profile.levels) - 0.4, -0.6)
    axes.set_yticks(list(rows), [_short(level.place) for level in profile.levels], fontsize=8)
    _marked(axes.xaxis, profile.axis.ticks(5))


def _scaled(axes: Any, y: Axis) -> None:
    if y.log:
        axes.set_yscale("log")
    axes.set_ylim(y.low, y.high)
    _marked(axes.yaxis, y.ticks(5))


def _marked(axis: Any, ticks: Sequence[float]) -> None:
    """The same ticks as on the page."""
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_minor_formatter(NullFormatter())
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(float(f"{value:.12g}"))))


def _colour(kind: str) -> str:
    return next((COLOURS[word] for word in kind.split() if word in COLOURS), INK)


def _short(name: str, most: int = 34) -> str:
    """The end of a long name: there layers differ."""
    return name if len(name) <= most else "…" + name[1 - most :]
