"""Charts as inline SVG that need no script to be read and scale to any width.

The plot is an inner SVG of 1000 units across, stretched to the width there is; words stand outside of it at shares
of the width and keep their size. The page's script reads values back from the lines themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from diagnose.report.page.chart import Band, Chart, Dots, Limit, Line, Mark, Span
from diagnose.report.page.scale import Axis, reduced, stepwise
from diagnose.report.words import number, numbers, plain
from diagnose.run import Floats, Steps

ACROSS = 1000
FOOT = 20  # pixels under the plot for the ticks of the horizontal axis


def drawn(chart: Chart) -> Markup:
    """The SVG of a chart; the words around it are the template's."""
    ticks = chart.y.ticks(max(3, chart.height // 36))
    inside, words = [], []
    for tick, text in zip(ticks, numbers(*ticks), strict=True):
        y = _down(chart, np.array([tick]))[0]
        inside.append(Markup('<path class="grid" d="M0 {0}H1000"/>').format(_short(y)))
        words.append(Markup('<text class="tick" x="-6" y="{}" text-anchor="end">{}</text>').format(y + 4, text))
    for part in chart.parts:
        shape, word = _part(chart, part)
        inside.append(shape)
        words.append(word)
    facts: dict[str, Any] = {
        "x0": chart.x.low, "x1": chart.x.high, "y0": chart.y.low, "y1": chart.y.high, "log": int(chart.y.log),
        "group": chart.group, "height": chart.height,
    }  # fmt: skip
    told = Markup("").join(Markup(' data-{}="{}"').format(key, value) for key, value in facts.items())
    return Markup(
        '<svg class="chart" width="100%" height="{}" role="img" aria-label="{}"{}>'
        '<svg class="plot" width="100%" height="{}" viewBox="0 0 1000 {}" preserveAspectRatio="none">{}</svg>'
        '{}<g class="x-ticks">{}</g></svg>'
    ).format(
        chart.height + FOOT, plain(chart.name), told, chart.height, chart.height, Markup("").join(inside),
        Markup("").join(words), step_ticks(chart.x, chart.height),
    )  # fmt: skip


def _part(chart: Chart, part: object) -> tuple[Markup, Markup]:
    """What is drawn in the plot, and what is written over it."""
    none = Markup("")
    match part:
        case Line():
            steps, values = reduced(part.steps, part.values)
            told = none if part.quiet else Markup(' data-label="{}"').format(plain(part.label))
            kind = part.kind if part.drawn else f"{part.kind} hidden"
            return Markup('<path class="line {}" d="{}"{}/>').format(kind, _path(chart, steps, values), told), none
        case Dots():
            x, y = _places(chart, part.steps, part.values)
            keep = np.isfinite(y)
            d = "".join(f"M{_short(a)} {_short(b)}h0" for a, b in zip(x[keep], y[keep], strict=True))
            return (Markup('<path class="dots {}" d="{}"/>').format(part.kind, d) if d else none), none
        case Band():
            return _band(chart, part), none
        case Span():
            left, right = _across(chart, part.first), _across(chart, part.last)
            if part.broken:
                markup = Markup('<rect class="broken" x="{}" y="0" width="{}" height="{}"><title>{}</title></rect>')
                return markup.format(_short(left), _short(max(right - left, 2.0)), chart.height, part.label), none
            markup = Markup('<rect class="span" x="{}" y="{}" width="{}" height="5"><title>{}</title></rect>')
            return markup.format(_short(left), chart.height - 5, _short(max(right - left, 4.0)), part.label), none
        case Limit():
            return _limit(chart, part)
        case Mark():
            return _mark(chart, part)
    raise TypeError(f"expected a part of a chart, found {part!r}")


def _band(chart: Chart, part: Band) -> Markup:
    steps, low, high = part.steps, part.low, part.high
    if part.stepped:
        steps, low, high = stepwise(steps, low, high)
    x, bottom = _places(chart, steps, low)
    _, top = _places(chart, steps, high)
    points = [*zip(x, top, strict=True), *zip(x[::-1], bottom[::-1], strict=True)]
    d = "M" + "L".join(f"{_short(a)} {_short(b)}" for a, b in points) + "Z"
    return Markup('<path class="band {}" d="{}"/>').format(part.kind, d)


def _limit(chart: Chart, part: Limit) -> tuple[Markup, Markup]:
    y = float(_down(chart, np.array([part.value]))[0])
    if not 0 <= y <= chart.height:
        return Markup(""), Markup("")
    shape = Markup("")
    if part.bad_above is not None:
        top, tall = (0.0, y) if part.bad_above else (y, chart.height - y)
        shape = Markup('<rect class="beyond" x="0" y="{}" width="1000" height="{}"/>').format(_short(top), _short(tall))
    shape += Markup('<path class="limit" d="M0 {}H1000"/>').format(_short(y))
    over = y > 16 and not (part.bad_above is False and chart.height - y > 18)  # on the side where the fault is
    word = Markup('<text class="limit-word" x="100%" dx="-4" y="{}" text-anchor="end">{}</text>')
    return shape, word.format(_short(y - 4 if over else y + 13), part.label)


def _mark(chart: Chart, part: Mark) -> tuple[Markup, Markup]:
    x = _across(chart, part.step)
    title = Markup("<title>{}</title>").format(part.label) if part.label else Markup("")
    shape = Markup('<path class="mark {}" d="M{} 0V{}">{}</path>').format(part.kind, _short(x), chart.height, title)
    if not part.word:
        return shape, Markup("")
    end = x > 0.6 * ACROSS
    word = Markup('<text class="mark-word {}" x="{}%" dx="{}" y="11" text-anchor="{}" data-at="{}">{}</text>').format(
        part.kind, _short(x / 10), -4 if end else 4, "end" if end else "start", _short(x / ACROSS), part.word
    )
    return shape, word


def _across(chart: Chart, step: float) -> float:
    return float(chart.x.share(np.array([step], float))[0]) * ACROSS


def _down(chart: Chart, values: Floats) -> Floats:
    return np.asarray((1 - chart.y.share(values)) * chart.height)


def _places(chart: Chart, steps: Steps | Floats, values: Floats) -> tuple[Floats, Floats]:
    down = np.clip(_down(chart, values), -9, chart.height + 9)
    return chart.x.share(np.asarray(steps, float)) * ACROSS, down


def _path(chart: Chart, steps: Steps, values: Floats) -> str:
    x, y = _places(chart, steps, values)
    y = np.where(np.isfinite(values), y, np.nan)
    parts, drawing = [], False
    for a, b in zip(x, y, strict=True):
        if not np.isfinite(b):
            drawing = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{_short(a)} {_short(b)}")
        drawing = True
    if len(parts) == 1:
        parts.append("h0.01")
    return "".join(parts)


def step_ticks(x: Axis, height: int) -> Markup:
    """The words under a plot of this height."""
    ticks = [tick for tick in x.ticks(5) if tick == int(tick)]
    shares = list(map(float, x.share(np.array(ticks, float))))
    return Markup("").join(
        Markup('<text class="tick" x="{}%" y="{}" text-anchor="{}">{}</text>').format(
            _short(share * 100), height + 15, anchor(share), number(tick)
        )
        for tick, share in zip(ticks, shares, strict=True)
    )


def anchor(share: float) -> str:
    """How a word at this share of the width is aligned so that it stays inside."""
    return "start" if share < 0.02 else "end" if share > 0.98 else "middle"


def bar(shares: Sequence[tuple[str, float]], label: str) -> Markup:
    """A bar cut into shares of a whole, each in its class."""
    parts, left = [], 0.0
    for kind, share in shares:
        parts.append(Markup('<rect class="{}" x="{}%" width="{}%" height="100%"/>').format(
            kind, _short(left * 100), _short(share * 100)))  # fmt: skip
        left += share
    return Markup('<svg class="bar" role="img" aria-label="{}">{}</svg>').format(escape(label), Markup("").join(parts))


def _short(value: float) -> str:
    text = f"{value:.2f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
