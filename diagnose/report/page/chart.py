"""Line charts as inline SVG that need no script to be read and scale to any width.

The plot is an inner SVG of 1000 units across, stretched to the width there is; words stand outside of it at shares
of the width and keep their size. The page's script reads values back from the lines themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup, escape

from diagnose.report.page.scale import Axis, reduced
from diagnose.report.words import number, numbers, plain
from diagnose.run import Floats, Steps

ACROSS = 1000
FOOT = 20  # pixels under the plot for the ticks of the horizontal axis


class Chart:
    """A chart over steps; parts are drawn in the order they are added.

    Args:
        name: what a screen reader says, and what is read out.
        x, y: the axes; all charts of one `group` have the same x and are linked: cursor and zoom.
        height: pixels of the plot.
        unit: of the values, for the corner.
    """

    def __init__(self, name: str, x: Axis, y: Axis, *, group: str = "", height: int = 150, unit: str = "") -> None:
        self.name, self.x, self.y, self.group, self.height, self.unit = name, x, y, group, height, unit
        self.legend: list[tuple[str, str]] = []  # (class, label)
        self._inside: list[Markup] = []
        self._words: list[Markup] = []

    def line(self, steps: Steps, values: Floats, kind: str, label: str = "", *, quiet: bool = False) -> None:
        """A line with gaps where values are not finite; `kind` is its class in the style sheet.

        A `quiet` line is neither in the legend nor read out.
        """
        steps, values = reduced(steps, values)
        path = self._path(steps, values)
        if not path:
            return
        told = Markup("") if quiet else Markup(' data-label="{}"').format(plain(label))
        self._inside.append(Markup('<path class="line {}" d="{}"{}/>').format(kind, path, told))
        if label and not quiet:
            self.legend.append((kind, label))

    def dots(self, steps: Steps, values: Floats, kind: str) -> None:
        """A dot at each value: strokes of no length, which do not stretch with the plot."""
        x, y = self._places(steps, values)
        keep = np.isfinite(y)
        d = "".join(f"M{_short(a)} {_short(b)}h0" for a, b in zip(x[keep], y[keep], strict=True))
        if d:
            self._inside.append(Markup('<path class="dots {}" d="{}"/>').format(kind, d))

    def band(self, steps: Steps, low: Floats, high: Floats, kind: str, label: str = "") -> None:
        """The area between two lines."""
        keep = np.isfinite(low) & np.isfinite(high)
        if keep.sum() < 2:
            return
        x, bottom = self._places(steps[keep], low[keep])
        _, top = self._places(steps[keep], high[keep])
        points = [*zip(x, top, strict=True), *zip(x[::-1], bottom[::-1], strict=True)]
        d = "M" + "L".join(f"{_short(a)} {_short(b)}" for a, b in points) + "Z"
        self._inside.append(Markup('<path class="band {}" d="{}"/>').format(kind, d))
        if label:
            self.legend.append((f"band {kind}", label))

    def span(self, first: float, last: float, kind: str, label: str = "") -> None:
        """Steps that are marked."""
        left, right = (float(v) * ACROSS for v in self.x.share(np.array([first, last], float)))
        width = max(right - left, 3.0)
        markup = Markup('<rect class="span {}" x="{}" y="0" width="{}" height="{}"/>')
        self._inside.append(markup.format(kind, _short(left), _short(width), self.height))
        if label:
            self.legend.append((f"span {kind}", label))

    def limit(self, value: float, label: str, *, bad_above: bool | None = None) -> None:
        """A limit across the chart, what lies beyond it shaded."""
        y = float(self._y(np.array([value]))[0])
        if not 0 <= y <= self.height:
            return
        if bad_above is not None:
            top, tall = (0.0, y) if bad_above else (y, self.height - y)
            markup = Markup('<rect class="beyond" x="0" y="{}" width="1000" height="{}"/>')
            self._inside.append(markup.format(_short(top), _short(tall)))
        self._inside.append(Markup('<path class="limit" d="M0 {}H1000"/>').format(_short(y)))
        self._words.append(
            Markup('<text class="limit-word" x="100%" dx="-4" y="{}" text-anchor="end">{}</text>').format(
                _short(y - 4 if y > 16 else y + 13), label
            )
        )

    def mark(self, step: float, kind: str, label: str = "", word: str = "") -> None:
        """A step that is marked by an upright line, and by a word at its top."""
        x = float(self.x.share(np.array([step], float))[0]) * ACROSS
        title = Markup("<title>{}</title>").format(label) if label else Markup("")
        markup = Markup('<path class="mark {}" d="M{} 0V{}">{}</path>')
        self._inside.append(markup.format(kind, _short(x), self.height, title))
        if word:
            markup = Markup('<text class="mark-word {}" x="{}%" dx="{}" y="11" text-anchor="{}" data-at="{}">{}</text>')
            end = x > 0.9 * ACROSS
            self._words.append(
                markup.format(
                    kind, _short(x / 10), -3 if end else 3, "end" if end else "start", _short(x / ACROSS), word
                )
            )

    def markup(self) -> Markup:
        """The SVG; the words around it are the template's."""
        ticks = self.y.ticks(max(3, self.height // 36))
        words, lines = [], []
        for tick, text in zip(ticks, numbers(*ticks), strict=True):
            y = float(self._y(np.array([tick]))[0])
            lines.append(Markup('<path class="grid" d="M0 {0}H1000"/>').format(_short(y)))
            words.append(Markup('<text class="tick" x="-6" y="{}" text-anchor="end">{}</text>').format(y + 4, text))
        facts: dict[str, Any] = {
            "x0": self.x.low, "x1": self.x.high, "y0": self.y.low, "y1": self.y.high, "log": int(self.y.log),
            "group": self.group, "height": self.height,
        }  # fmt: skip
        told = Markup("").join(Markup(' data-{}="{}"').format(key, value) for key, value in facts.items())
        return Markup(
            '<svg class="chart" width="100%" height="{}" role="img" aria-label="{}"{}>'
            '<svg class="plot" width="100%" height="{}" viewBox="0 0 1000 {}" preserveAspectRatio="none">{}</svg>'
            '{}{}<g class="x-ticks">{}</g></svg>'
        ).format(
            self.height + FOOT, plain(self.name), told, self.height, self.height,
            Markup("").join(lines + self._inside), Markup("").join(words), Markup("").join(self._words),
            step_ticks(self.x, self.height),
        )  # fmt: skip

    def _y(self, values: Floats) -> Floats:
        return np.asarray((1 - self.y.share(values)) * self.height)

    def _places(self, steps: Steps, values: Floats) -> tuple[Floats, Floats]:
        return self.x.share(np.asarray(steps, float)) * ACROSS, np.clip(self._y(values), -9, self.height + 9)

    def _path(self, steps: Steps, values: Floats) -> str:
        x, y = self._places(steps, values)
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
