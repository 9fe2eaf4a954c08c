"""Each finding as a card: what is seen, where, why it matters, the evidence drawn, what to change, how to verify."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass

from diagnose.finding import Diagnosis, Evidence, Finding
from diagnose.report.page.evidence import Seen, seen
from diagnose.report.source import lines, location
from diagnose.report.words import numbers, plain, statement, title, unbounded
from diagnose.run import Run

AROUND = 3  # lines of code before and after the one that is meant
MOST_TOLD = 5  # pieces of evidence in words; of more the rest are counted
HEADING = re.compile(r"^([A-Z][^:\n]*[:?])\s*$", re.MULTILINE)
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
    seen: tuple[Seen, ...]  # drawn
    told: tuple[str, ...]  # in words only
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
    drawn = seen(finding, training) if training else ()
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
        seen=drawn,
        told=_few([said for said in map(statement, finding.evidence) if said not in {one.said for one in drawn}]),
        fix=plain(finding.fix.text) if finding.fix else "",
        fix_code="\n".join(plain(line) for line in textwrap.dedent(code.expandtabs(4)).splitlines()),
        verify=_few(list(map(_expected, finding.evidence))),
        documentation=documentation,
        symptoms=symptoms,
    )


def _few(said: list[str]) -> tuple[str, ...]:
    """Each sentence once, the first few of many."""
    once = list(dict.fromkeys(said))
    rest = len(once) - MOST_TOLD
    more = f"and {rest:,} more of the kind"  # all are in the JSON
    return (*once[:MOST_TOLD], more) if rest > 0 else tuple(once)


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


def _expected(one: Evidence) -> str:
    """What must be so once the fault is gone."""
    limits = one.limit if isinstance(one.limit, tuple) else (one.limit,)
    limit = " … ".join(numbers(*limits))
    where = f" at {plain(one.place)}" if one.place else ""
    quantity = plain(one.quantity).replace("_", " ")
    if unbounded(one):
        return f"{quantity}{where}: finite at every step"
    return f"{quantity}{where}: {plain(one.statistic)} {OPPOSITE[one.comparison]} {limit}"
