"""The diagnosis as one HTML page that needs nothing else: no network, no folder beside it, no server."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from diagnose.errors import DiagnoseError
from diagnose.finding import Diagnosis, Finding
from diagnose.report.json import document
from diagnose.report.words import kind

if TYPE_CHECKING:
    from jinja2 import Environment

    from diagnose.run import Training

SUFFIXES = (".html", ".htm")
STYLES = ("style.css", "attribution.css")
SCRIPTS = ("values.js", "charts.js", "layers.js", "page.js")
MOST_TRAININGS = 6  # drawn; of a program with more, those with findings, then the longest
OPENING, CLOSING = '<script type="application/json" id="diagnosis">', "</script>"


def render(diagnosis: Diagnosis) -> str:
    """The page. Everything that comes from the user's program is escaped, and no script or style but ours may run."""
    from diagnose.report.page import facts, findings, verdict

    cards = findings.cards(diagnosis)
    drawn, left_out = chosen(diagnosis)
    style, script = "\n".join(map(asset, STYLES)), "\n".join(map(asset, SCRIPTS))
    marks = findings.numbered(cards)
    trainings = [_training(training, diagnosis, marks) for training in drawn]
    shown = sum(len(card.code) for one in cards for card in (one, *one.symptoms))
    text = environment().get_template("page.html").render(
        title=f"{diagnosis.run.program or 'run'}: {diagnosis.level}",
        policy=policy(script, style), style=style, script=script,
        head=verdict.head(diagnosis, cards), cards=cards, run=diagnosis.run,
        trainings=trainings, left_out=left_out,
        facts=facts.facts(diagnosis), thresholds=facts.thresholds(diagnosis),
        contents=facts.contents(diagnosis, shown),
        map_scale=_map_scale() if any(one["explained"] for one in trainings) else "",
        scale=_scale() if any(one["heats"] for one in trainings) else "",
        details=inside({f"t{one['training'].id}": one["details"] for one in trainings}),
        opening=OPENING, document=inside(document(diagnosis)), closing=CLOSING,
    )  # fmt: skip
    return text.rstrip() + "\n"


def read_back(text: str) -> dict[str, Any]:
    """The diagnosis in JSON that `render` has put into a page.

    Raises:
        DiagnoseError: the text is no page of ours.
    """
    _, found, rest = text.rpartition(OPENING)
    try:
        told = json.loads(rest.partition(CLOSING)[0]) if found else None
    except ValueError:
        told = None
    if not isinstance(told, dict):
        raise DiagnoseError("expected a page that diagnose wrote, found no diagnosis in it")
    return told


def policy(script: str, style: str) -> str:
    """The page's own Content-Security-Policy: this script, this style, pictures inside the page, nothing else."""
    return (
        f"default-src 'none'; script-src '{_hash(script)}'; style-src '{_hash(style)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def inside(value: Any) -> str:
    """JSON that can stand inside a script element: nothing in it can close the element or open another."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _training(training: Training, diagnosis: Diagnosis, marks: Sequence[tuple[str, Finding]]) -> dict[str, Any]:
    """All that the page shows of one training."""
    from diagnose.report.page import anatomy, attribution, cost, curves, data, facts, heat, layers

    pictures, network = heat.heats(training), anatomy.anatomy(training, diagnosis)
    named = network.places.union(*(picture.places for picture in pictures))
    return {
        "training": training, "kind": kind(training), "group": curves.group(training), "curves": curves.curves(training, marks),
        "heats": pictures, "cost": cost.cost(training, diagnosis.run), "data": data.data(training),
        "anatomy": network, "hyperparameters": facts.hyperparameters(training),
        "details": layers.details(training, named), "explained": attribution.explained(training),
    }  # fmt: skip


def chosen(diagnosis: Diagnosis) -> tuple[list[Training], list[Training]]:
    """The trainings that are drawn, and those that are left out of many."""
    trainings = list(diagnosis.run.trainings)
    found = {finding.training for finding in diagnosis.findings if finding.loud}
    best = sorted(trainings, key=lambda one: (one.id not in found, -one.steps))[:MOST_TRAININGS]
    return [one for one in trainings if one in best], [one for one in trainings if one not in best]


def _map_scale() -> str:
    from diagnose.report.page.pictures import scale

    return scale()


def _scale() -> str:
    from diagnose.report.page.heat import scale_image

    return scale_image()


@cache
def environment() -> Environment:
    """Templates of the page, everything escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from diagnose.report.page.prose import prose

    made = Environment(
        loader=PackageLoader("diagnose.report", "page"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.filters["prose"] = prose
    return made


@cache
def asset(name: str) -> str:
    """A style sheet or script of the page."""
    return resources.files("diagnose.report").joinpath("page", name).read_text(encoding="utf-8").strip()


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return "sha256-" + base64.b64encode(digest).decode("ascii")
