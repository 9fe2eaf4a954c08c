"""The diagnosis as a few lines of HTML for the output of a notebook's cell: no style, no script, nothing to load."""

from __future__ import annotations

from html import escape

from diagnose.finding import Diagnosis, Finding
from diagnose.report.words import count, counted, plain, trainings, verdict

MOST = 5  # causes told; the rest are counted


def notebook(diagnosis: Diagnosis) -> str:
    """Verdict, causes with their fixes, symptoms counted."""
    told = [f"<p><b>diagnose: {_text(verdict(diagnosis))}</b></p>"]
    if diagnosis.findings:
        told.append(f"<p>{_text(counted(diagnosis))} in {_text(trainings(diagnosis.run))}</p>")
    causes = diagnosis.causes
    told += [_cause(finding, diagnosis) for finding in causes[:MOST]]
    if len(causes) > MOST:
        told.append(f"<p>and {count(len(causes) - MOST, 'more finding')}</p>")
    return "<div>" + "".join(told) + "</div>"


def _cause(finding: Finding, diagnosis: Diagnosis) -> str:
    where = f" <code>{_text(finding.source)}</code>" if finding.source else ""
    head = f"<b>{_text(finding.severity)}</b> <code>{_text(finding.rule)}</code>: {_text(finding.message)}{where}"
    parts = [f"<summary>{head}</summary>"]
    if finding.fix:
        parts.append(f"<p>{_text(finding.fix.text)}</p>")
        if finding.fix.code:
            code = "\n".join(_text(line) for line in finding.fix.code.splitlines())
            parts.append(f"<pre><code>{code}</code></pre>")
    symptoms = diagnosis.symptoms(finding)
    if symptoms:
        parts.append(f"<p>{count(len(symptoms), 'symptom')}: {', '.join(_text(one.rule) for one in symptoms)}</p>")
    return f"<details{' open' if finding.loud else ''}>{''.join(parts)}</details>"


def _text(value: object) -> str:
    return escape(plain(value))
