"""A comparison as text for a terminal, as JSON, and as a page."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping

from diagnose.finding import Diagnosis, Finding
from diagnose.report.comparing.comparison import Comparison, document, parted, rows
from diagnose.report.words import headline, plain, verdict

SUFFIXES = {".json": "json", ".html": "html", ".htm": "html", ".txt": "terminal"}
WIDEST = 100  # columns


def text(comparison: Comparison) -> str:
    """What changed, the most telling first."""
    lines = []
    for name, side in (("before", comparison.before), ("after", comparison.after)):
        lines += _wrapped(f"{name + ':':8}{plain(side.run.path)}: {_level(side)}", 8)
    lines.append("")
    for title, findings in _findings(comparison):
        lines.append(f"{title}: {len(findings) or 'none'}")
        for finding in findings:
            lines += _wrapped(f"  {finding.severity}[{plain(finding.rule)}]: {plain(finding.message)}", 4)
    lines += ["", "reached:"]
    widest = max((len(name) for name, *_ in rows(comparison)), default=0)
    for name, before, after, change in rows(comparison):
        lines.append(f"  {name:{widest}}  {before} → {after}{f'  ({change})' if change else ''}")
    lines += ["", "where they part:", *(line for said in parted(comparison) for line in _wrapped(f"  {said}", 4))]
    lines += ["", f"set or made otherwise: {'' if comparison.changes else 'nothing that was recorded'}".rstrip()]
    for one in comparison.changes:
        lines += _wrapped(f"  {one.name}: {one.before or 'none'} → {one.after or 'none'}", 4)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def as_json(comparison: Comparison) -> str:
    """Strict JSON; both diagnoses stand in it whole."""
    return json.dumps(document(comparison), indent=1, allow_nan=False) + "\n"


def page(comparison: Comparison) -> str:
    """A page of its own."""
    from diagnose.report.page.compare import render

    return render(comparison)


FORMATS: Mapping[str, Callable[[Comparison], str]] = {"terminal": text, "json": as_json, "html": page}


def _findings(comparison: Comparison) -> Iterator[tuple[str, tuple[Finding, ...]]]:
    yield "findings gone", comparison.gone
    yield "findings new", comparison.new
    yield "findings still there", comparison.still


def _level(diagnosis: Diagnosis) -> str:
    first = next((finding for finding in diagnosis.causes if finding.loud), None)
    return f"{first.severity}: {headline(first)}" if first else verdict(diagnosis)


def _wrapped(line: str, indent: int) -> list[str]:
    return textwrap.wrap(
        line, WIDEST, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False,
        drop_whitespace=True, initial_indent="",
    ) or [""]  # fmt: skip
