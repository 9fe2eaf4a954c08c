"""Each finding as a card: what is seen, where, why it matters, the evidence drawn, what to change, how to verify."""

from __future__ import annotations

import math
import re
import textwrap
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from diagnose.finding import Diagnosis, Evidence, Finding
from diagnose.report.page.chart import Chart
from diagnose.report.page.curves import group, steps_axis
from diagnose.report.page.scale import Axis, axis_for
from diagnose.report.source import lines, location
from diagnose.report.words import number, numbers, plain, statement, title
from diagnose.run import Run, Series, Training

AROUND = 3  # lines of code before and after the one that is meant
DRAWN = 2  # pieces of evidence drawn for a finding; all are told in words
HEADING = re.compile(r"^([A-Z][^:\n]*[:?])\s*$", re.MULTILINE)
PLAIN_STATISTICS = {
    "median", "median of the last fifth", "mean", "last", "first", "max", "min", "maximum", "minimum", "value",
}  # fmt: skip
OPPOSITE = {
    "above": "at most", "below": "at least", "outside": "within", "within": "outside", "equal": "other than",
    "unequal": "equal to",
}  # fmt: skip


@dataclass(frozen=True)
class Card:
    """What the template shows of a finding."""

    number: str
    anchor: str
    finding: Finding
    title: str
    sure: str
    where: str
    places: tuple[str, ...]
    code: tuple[tuple[int, str, bool], ...]  # number, text, whether it is the line meant
    why: str
    seen: tuple[str, ...]
    charts: tuple[tuple[str, Markup], ...]
    fix: str
    fix_code: str
    verify: tuple[str, ...]
    documentation: tuple[tuple[str, str], ...]
    symptoms: tuple[Card, ...] = ()


def cards(diagnosis: Diagnosis) -> list[Card]:
    """Causes by rank, their symptoms folded; a symptom of something that is not shown stands alone."""
    shown: set[int] = set()
    told: list[Card] = []
    order = {id(finding): position for position, finding in enumerate(diagnosis.findings)}
    for finding in sorted(diagnosis.findings, key=lambda f: (bool(f.symptom_of), not f.loud, f.rank)):
        if order[id(finding)] in shown:
            continue
        shown.add(order[id(finding)])
        symptoms = [one for one in diagnosis.symptoms(finding) if order[id(one)] not in shown]
        shown.update(order[id(one)] for one in symptoms)
        called = str(len(told) + 1)
        folded = tuple(_card(one, f"{called}.{n}", diagnosis.run) for n, one in enumerate(symptoms, start=1))
        told.append(_card(finding, called, diagnosis.run, folded))
    return told


def _card(finding: Finding, called: str, run: Run, symptoms: tuple[Card, ...] = ()) -> Card:
    training = next((one for one in run.trainings if one.id == finding.training), None)
    quoted = lines(finding.source, run, AROUND) if finding.source else {}
    documentation = sections(finding.rule)
    told = dict(documentation)
    code = finding.fix.code if finding.fix and finding.fix.code else ""
    return Card(
        number=called,
        anchor=f"finding-{called.replace('.', '-')}",
        finding=finding,
        title=capital(plain(title(finding.rule))),
        sure=f"{finding.confidence:.0%} sure",
        where=plain(location(finding.source, run)) if finding.source else "",
        places=tuple(map(plain, finding.places)),
        code=tuple((n, plain(text), bool(finding.source and n == finding.source.line)) for n, text in quoted.items()),
        why=told.get("Why is this bad", ""),
        seen=tuple(statement(seen) for seen in finding.evidence),
        charts=tuple(_drawn(finding, training)) if training else (),
        fix=plain(finding.fix.text) if finding.fix else "",
        fix_code="\n".join(plain(line) for line in textwrap.dedent(code.expandtabs(4)).splitlines()),
        verify=tuple(_expected(seen) for seen in finding.evidence),
        documentation=documentation,
        symptoms=symptoms,
    )


def numbered(cards: list[Card]) -> list[tuple[str, Finding]]:
    """Every finding with its number on the page: 1, 1.1, 1.2, 2."""
    return [(one.number, one.finding) for card in cards for one in (card, *card.symptoms)]


def capital(text: str) -> str:
    """With a capital first letter."""
    return text[:1].upper() + text[1:]


def sections(rule: str) -> tuple[tuple[str, str], ...]:
    """A rule's documentation by its headings, empty for a rule that is no longer there."""
    from diagnose.rules import all_rules

    known = all_rules().get(rule)
    if known is None:
        return ()
    parts = HEADING.split(known.documentation)
    pairs = zip(parts[1::2], parts[2::2], strict=False)
    told = [(heading.rstrip(":?"), textwrap.dedent(text).strip("\n").rstrip()) for heading, text in pairs]
    return (("", parts[0].strip()), *told)


def _expected(seen: Evidence) -> str:
    """What must be so once the fault is gone."""
    limits = seen.limit if isinstance(seen.limit, tuple) else (seen.limit,)
    limit = " … ".join(numbers(*limits))
    where = f" at {plain(seen.place)}" if seen.place else ""
    quantity = plain(seen.quantity).replace("_", " ")
    return f"{quantity}{where}: {plain(seen.statistic)} {OPPOSITE[seen.comparison]} {limit}"


def _drawn(finding: Finding, training: Training) -> list[tuple[str, Markup]]:
    drawn: list[tuple[str, Markup]] = []
    told: set[tuple[str, str | None]] = set()
    for seen in finding.evidence:
        if len(drawn) == DRAWN or (seen.quantity, seen.place) in told:
            continue
        told.add((seen.quantity, seen.place))
        picture = _over_steps(seen, training) or _gauge(seen)
        if picture:
            drawn.append((statement(seen), picture))
    return drawn


def _over_steps(seen: Evidence, training: Training) -> Markup | None:
    """The quantity over the steps with the limit in it; None where limit and values are not of one kind."""
    series = training.series(seen.quantity, seen.place)
    if series.values.ndim != 1 or len(series.measured()) < 3 or not _comparable(seen, series):
        return None
    limits = seen.limit if isinstance(seen.limit, tuple) else (seen.limit,)
    y = axis_for(series.values, include=tuple(limit for limit in limits if math.isfinite(limit)))
    if y is None:
        return None
    name = f"{seen.quantity.replace('_', ' ')}{f' at {plain(seen.place)}' if seen.place else ''}"
    chart = Chart(f"{name} by step; {statement(seen)}", steps_axis(training), y, group=group(training), height=110)
    if seen.steps:
        chart.span(seen.steps[0], seen.steps[1], "seen")
    beyond: list[bool | None] = {
        "above": [True], "below": [False], "outside": [False, True],
    }.get(seen.comparison, [None] * len(limits))  # type: ignore[assignment]  # fmt: skip
    for limit, above in zip(limits, beyond, strict=False):
        chart.limit(limit, f"limit {number(limit)}", bad_above=above)
    measured = series.measured()
    chart.line(measured.steps, measured.values, "c0", name)
    if len(measured) <= 60:
        chart.dots(measured.steps, measured.values, "c0")
    return chart.markup()


def _comparable(seen: Evidence, series: Series) -> bool:
    """Whether the value is one of the series' own values or lies among them, so that the limit does too."""
    if seen.statistic not in PLAIN_STATISTICS or not math.isfinite(seen.value):
        return False
    steps, values = series.steps, series.values
    if seen.steps:
        part = values[(steps >= seen.steps[0]) & (steps <= seen.steps[1])]
        values = part if len(part) else values
    values = values[np.isfinite(values)]
    if not len(values):
        return False
    room = 1e-3 * max(abs(seen.value), 1e-12)
    return bool(values.min() - room <= seen.value <= values.max() + room)


def _gauge(seen: Evidence) -> Markup | None:
    """Value and limit on one line: drawn for ratios, falls and counts that are no curve over steps."""
    limits = seen.limit if isinstance(seen.limit, tuple) else (seen.limit,)
    if not all(math.isfinite(v) for v in (seen.value, *limits)):
        return None
    values = np.array([seen.value, *limits], float)
    log = bool((values > 0).all() and values.max() / values.min() > 100)
    low, high = float(values.min()), float(values.max())
    room = 0.25 * (high - low) or abs(high) * 0.5 or 1.0
    axis = Axis(low / 3, high * 3, True) if log else Axis(0.0 if low >= 0 else low - room, high + room)
    shares = [float(share) * 100 for share in axis.share(values)]
    texts = numbers(*values)
    first, last = min(shares[1:]), max(shares[1:])
    beyond = {"above": [(last, 100.0)], "below": [(0.0, first)], "outside": [(0.0, first), (last, 100.0)],
              "within": [(first, last)]}.get(seen.comparison, [])  # fmt: skip
    parts = [Markup('<line class="grid" x1="0" x2="100%" y1="30" y2="30"/>')]
    parts += [Markup('<rect class="beyond" x="{:.2f}%" width="{:.2f}%" y="20" height="20"/>').format(a, b - a)
              for a, b in beyond]  # fmt: skip
    for share, text in zip(shares[1:], texts[1:], strict=True):
        parts.append(Markup('<line class="limit" x1="{0:.2f}%" x2="{0:.2f}%" y1="16" y2="44"/>').format(share))
        parts.append(Markup('<text class="limit-word" x="{:.2f}%" y="57" text-anchor="{}">limit {}</text>').format(
            share, _aligned(share), text))  # fmt: skip
    parts.append(Markup('<circle class="value" cx="{:.2f}%" cy="30" r="6"/>').format(shares[0]))
    parts.append(Markup('<text class="value-word" x="{:.2f}%" y="11" text-anchor="{}">{}</text>').format(
        shares[0], _aligned(shares[0]), texts[0]))  # fmt: skip
    return Markup('<svg class="gauge" width="100%" height="62" role="img" aria-label="{}">{}</svg>').format(
        statement(seen), Markup("").join(parts)
    )


def _aligned(percent: float) -> str:
    return "start" if percent < 12 else "end" if percent > 88 else "middle"
