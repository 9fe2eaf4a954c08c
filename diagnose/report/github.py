"""The diagnosis as GitHub workflow commands, which become annotations on the lines of a change.

References:
    https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

from __future__ import annotations

import os

from diagnose.finding import Diagnosis, Finding
from diagnose.report.words import headline, plain, verdict

SUFFIXES: tuple[str, ...] = ()  # for the log of a workflow, not for a file

COMMANDS = {"error": "error", "warning": "warning", "note": "notice"}


def render(diagnosis: Diagnosis) -> str:
    """An annotation for each cause, its symptoms named in it: GitHub shows ten of a kind for a step, no more."""
    told = [_annotation(finding, diagnosis) for finding in diagnosis.causes]
    if not any(finding.loud for finding in diagnosis.findings):
        command = "warning" if diagnosis.level == "nothing-observed" else "notice"
        told.insert(0, f"::{command} title=diagnose::{_data(verdict(diagnosis))}")
    return "\n".join(told) + "\n"


def _annotation(finding: Finding, diagnosis: Diagnosis) -> str:
    properties = {"title": headline(finding)}
    if finding.source:
        properties = {"file": _relative(finding.source.file, diagnosis), "line": str(finding.source.line), **properties}
    said = [plain(finding.message)]
    if finding.fix:
        said.append(f"Fix: {plain(finding.fix.text)}")
        said += [f"    {plain(line)}" for line in (finding.fix.code or "").splitlines()]
    said += [f"So also {symptom.rule}: {plain(symptom.message)}" for symptom in diagnosis.symptoms(finding)]
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{COMMANDS[finding.severity]} {listed}::{_data(chr(10).join(said))}"


def _relative(file: str, diagnosis: Diagnosis) -> str:
    """The file as seen from the repository: the workspace of the workflow, else the folder of the run."""
    base = os.environ.get("GITHUB_WORKSPACE") or diagnosis.run.facts.get("cwd")
    if not (isinstance(base, str) and os.path.isabs(base)):
        return file
    relative = os.path.relpath(os.path.join(diagnosis.run.facts.get("cwd") or base, file), base)
    return file if relative.startswith("..") else relative


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(plain(text)).replace(":", "%3A").replace(",", "%2C")
