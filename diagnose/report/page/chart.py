"""A chart over steps as plain data: what is drawn, on which axes. The page draws it as SVG, `figures` with matplotlib."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from markupsafe import Markup

from diagnose.report.page.scale import Axis
from diagnose.run import Floats, Steps

MOST_GAPS = 200  # marked; a line of more is a line of gaps


@dataclass(frozen=True)
class Line:
    """A line with gaps where values are not finite; a `quiet` one is neither in the legend nor read out."""

    steps: Steps
    values: Floats
    kind: str  # its class in the style sheet
    label: str = ""
    quiet: bool = False
    drawn: bool = True  # False: only read out, where bands show the same


@dataclass(frozen=True)
class Dots:
    """A dot at each value."""

    steps: Steps
    values: Floats
    kind: str


@dataclass(frozen=True)
class Band:
    """The area between two lines; a `stepped` one keeps each value until the next step."""

    steps: Steps
    low: Floats
    high: Floats
    kind: str
    label: str = ""
    stepped: bool = False


@dataclass(frozen=True)
class Span:
    """Steps that are marked along the foot of the chart; `broken` ones, where values are no numbers, over its height."""

    first: float
    last: float
    label: str = ""
    broken: bool = False


@dataclass(frozen=True)
class Limit:
    """A limit across the chart; `bad_above` says on which side of it the fault lies (None: not to be said)."""

    value: float
    label: str
    bad_above: bool | None = None


@dataclass(frozen=True)
class Mark:
    """A step that is marked by an upright line, and by a word at its top."""

    step: float
    kind: str
    label: str = ""
    word: str = ""


Part = Line | Dots | Band | Span | Limit | Mark


@dataclass
class Chart:
    """A chart over steps; its parts are drawn in the order they are added.

    All charts of one `group` have the same x and are linked: cursor and zoom. `height` is in pixels of the page; `name`
    is what a screen reader says.
    """

    name: str
    x: Axis
    y: Axis
    group: str = ""
    height: int = 150
    parts: list[Part] = field(default_factory=list)

    def line(self, steps: Steps, values: Floats, kind: str, label: str = "", *, quiet: bool = False) -> None:
        """Adds a line where any value is finite."""
        if np.isfinite(values).any():
            self.parts.append(Line(steps, values, kind, label, quiet))

    def gaps(self, steps: Steps, values: Floats) -> None:
        """Marks the stretches of steps at which values are no numbers."""
        broken = ~np.isfinite(values)
        edges = np.flatnonzero(np.diff(np.concatenate([[False], broken, [False]])))
        for first, end in zip(edges[::2][:MOST_GAPS], edges[1::2], strict=False):
            self.parts.append(Span(float(steps[first]), float(steps[end - 1]), "nan or infinite", broken=True))

    def band(self, steps: Steps, low: Floats, high: Floats, kind: str, label: str = "", *, stepped: bool = False) -> None:
        """Adds the area between two lines, where both are finite."""
        keep = np.isfinite(low) & np.isfinite(high)
        if keep.sum() >= 2:
            self.parts.append(Band(steps[keep], low[keep], high[keep], kind, label, stepped))

    def add(self, *parts: Part) -> None:
        """Adds anything else."""
        self.parts.extend(parts)

    @property
    def legend(self) -> tuple[tuple[str, str], ...]:
        """(class, label) of all that needs one."""
        told = []
        for part in self.parts:
            if isinstance(part, Line) and part.label and part.drawn and not part.quiet:
                told.append((part.kind, part.label))
            elif isinstance(part, Band) and part.label:
                told.append((f"band {part.kind}", part.label))
            elif isinstance(part, Span) and part.broken:
                told.append(("broken", part.label))
        return tuple(dict.fromkeys(told))

    def markup(self) -> Markup:
        """The chart as inline SVG."""
        from diagnose.report.page.svg import drawn

        return drawn(self)
