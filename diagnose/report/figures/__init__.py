"""The page's pictures as files for a paper, a slide or a wiki: drawn by matplotlib from the same data."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from diagnose.finding import Diagnosis
from diagnose.report.words import headline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from diagnose.run import Training

DOTS = 150  # an inch, of a PNG: 1,200 pixels across


def figures(diagnosis: Diagnosis, format: str) -> dict[str, bytes]:
    """Every picture of the page by file name: evidence of the findings, loss and metrics, layer by step, time.

    Args:
        format: "png" or "svg".
    """
    import matplotlib
    from matplotlib import style

    made: dict[str, bytes] = {}
    # the program may have changed matplotlib's settings, and what it set stays set
    with warnings.catch_warnings(), style.context(["default", _settings()]):
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)  # a name in letters the font lacks
        metadata = {"Date": None} if format == "svg" else {"Software": f"matplotlib {matplotlib.__version__}"}
        for name, draw in _pictures(diagnosis):
            held = io.BytesIO()
            draw().savefig(held, format=format, dpi=DOTS, metadata=metadata)
            made[f"{name}.{format}"] = held.getvalue()
    return made


def _settings() -> dict[str, object]:
    """Of matplotlib. Names of the program are no mathematics, and the same run gives the same file."""
    return {
        "text.parse_math": False, "svg.hashsalt": "diagnose", "svg.fonttype": "none", "font.size": 9.0,
        "axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": "#b5bcc4", "axes.grid": True,
        "axes.axisbelow": True, "grid.color": "#eceef1", "xtick.color": "#59626d", "ytick.color": "#59626d",
        "axes.titlelocation": "left", "legend.frameon": False,
        "hatch.color": "#c4c9cf", "hatch.linewidth": 0.6,
    }  # fmt: skip


def _pictures(diagnosis: Diagnosis) -> Iterator[tuple[str, Callable[[], Figure]]]:
    from diagnose.report.figures import drawing
    from diagnose.report.html import chosen
    from diagnose.report.page import cost, curves, findings, heat

    cards = findings.cards(diagnosis)
    for card in (one for whole in cards for one in (whole, *whole.symptoms)):
        if card.seen:
            name = f"finding-{card.number.replace('.', '-')}-{_safe(card.finding.rule)}"
            yield name, partial(drawing.evidence, f"{card.number} {headline(card.finding)}", card.seen)
    drawn, _ = chosen(diagnosis)
    for training in drawn:
        before = f"training-{training.id}-" if len(diagnosis.run.trainings) > 1 else ""
        where = _where(training) if before else ""
        paid = cost.cost(training, diagnosis.run)
        for one in (*curves.curves(training, findings.numbered(cards)), *(paid.pictures if paid else ())):
            if one.chart:
                yield before + _safe(one.title), partial(drawing.over_steps, one, where)
        for picture in heat.heats(training):
            yield before + picture.quantity.id, partial(drawing.layers_by_steps, picture, where)


def _where(training: Training) -> str:
    return f"training {training.id}: {', '.join(training.networks)}"


def _safe(name: str) -> str:
    """A file name on any system."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:80] or "picture"
