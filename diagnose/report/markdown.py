"""The diagnosis as Markdown of the size of a comment, for a pull request or a notebook."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from diagnose.finding import Diagnosis, Finding
from diagnose.report.source import lines, location
from diagnose.report.words import count, counted, listed, plain, statement, trainings, verdict

if TYPE_CHECKING:
    from diagnose.run import Run

SUFFIXES = (".md", ".markdown")
LARGEST = 60_000  # characters; GitHub refuses comments of more than 65,536
SPECIAL = re.compile(r"([\\`*_\[\]<>|~&])")
MENTION = re.compile(r"([@#])(?=\w)")  # would call a person or link an issue


def render(diagnosis: Diagnosis) -> str:
    """Causes in full, symptoms folded, as many as fit."""
    level = diagnosis.level
    loud = level in ("error", "warning")
    parts = [f"## diagnose: {f'{level}: ' if loud else ''}{_escaped(verdict(diagnosis))}"]
    if loud:
        parts.append(f"**{counted(diagnosis)}** in {_escaped(trainings(diagnosis.run))}")
    if diagnosis.run.exception:
        parts.append(f"The program ended by {_escaped(diagnosis.run.exception)}")
    end = _end(diagnosis)
    room = LARGEST - len(end) - sum(map(len, parts))
    findings = [finding for finding in diagnosis.findings if finding in diagnosis.causes]
    findings += [f for f in diagnosis.findings if f.symptom_of and not {c.id for c in findings} & set(f.symptom_of)]
    for told, finding in enumerate(findings):
        block = _finding(finding, diagnosis)
        if len(block) > room:
            parts.append(f"{count(len(findings) - told, 'more finding')}: see the JSON.")
            break
        room -= len(block) + 2
        parts.append(block)
    return "\n\n".join([*parts, end]) + "\n"


def _finding(finding: Finding, diagnosis: Diagnosis) -> str:
    if not finding.loud:
        return f"*note*: {_escaped(finding.message)} ({_code(finding.rule)})"
    parts = [f"### {finding.severity}: {_escaped(finding.message)}", _place(finding, diagnosis.run)]
    quoted = lines(finding.source, diagnosis.run) if finding.source else {}
    if quoted:
        parts.append(_fenced("\n".join(quoted.values())))
    if finding.evidence:
        parts.append("\n".join(f"- seen: {_escaped(statement(seen))}" for seen in finding.evidence))
    if finding.fix:
        parts.append(f"**Fix:** {_escaped(finding.fix.text)}")
        if finding.fix.code:
            parts.append(_fenced(finding.fix.code))
    symptoms = diagnosis.symptoms(finding)
    if symptoms:
        items = "\n".join(f"- {symptom.severity}: {_escaped(symptom.message)}" for symptom in symptoms)
        parts.append(f"<details><summary>{count(len(symptoms), 'symptom')} of this</summary>\n\n{items}\n\n</details>")
    return "\n\n".join(parts)


def _place(finding: Finding, run: Run) -> str:
    where = [_code(location(finding.source, run))] if finding.source else []
    where += [listed([_code(place) for place in finding.places])] if finding.places else []
    return f"{' in '.join(where)}{', ' if where else ''}{finding.confidence:.0%} sure, rule {_code(finding.rule)}"


def _end(diagnosis: Diagnosis) -> str:
    told = [f"{count(len(set(diagnosis.checked)), 'rule')} checked"]
    missed = {missed.rule for missed in diagnosis.not_checked} - set(diagnosis.checked)
    if missed:
        told.append(f"{len(missed):,} could not be")
    if diagnosis.blind_spots:
        told.append(f"not seen: {listed([_escaped(spot.place) for spot in diagnosis.blind_spots])}")
    if diagnosis.run.path:
        told.append(f"run {_code(diagnosis.run.path)}")
    return f"<sub>{'; '.join(told)}</sub>"


def _escaped(text: str) -> str:
    """Text that is nothing but text: no emphasis, link, HTML, mention or issue."""
    return MENTION.sub(r"\1<!-- -->", SPECIAL.sub(_escape, plain(text)))


def _escape(match: re.Match[str]) -> str:
    return {"<": "&lt;", ">": "&gt;", "&": "&amp;"}.get(match[1], f"\\{match[1]}")


def _code(text: str) -> str:
    """A code span around any text."""
    text = plain(text)
    ticks = "`" * (_longest_ticks(text) + 1)
    pad = " " if text.startswith("`") or text.endswith("`") or not text.strip() else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"


def _fenced(code: str) -> str:
    code = "\n".join(plain(line) for line in textwrap.dedent(code.expandtabs(4)).splitlines())
    fence = "`" * max(3, _longest_ticks(code) + 1)
    return f"{fence}python\n{code}\n{fence}"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
