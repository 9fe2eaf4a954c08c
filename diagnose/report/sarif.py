"""The diagnosis as SARIF 2.1.0, for code scanning.

References:
    OASIS, Static Analysis Results Interchange Format 2.1.0, https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import diagnose
from diagnose.finding import Diagnosis, Finding
from diagnose.report.source import lines
from diagnose.report.words import plain, statement, title

if TYPE_CHECKING:
    from diagnose.run import Run

SUFFIXES = (".sarif", ".sarif.json")

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
ROOT = "SRCROOT"  # the folder that the program was started in
LINK = re.compile(r"\[[^\]]*\]\(")  # what SARIF reads as a link in a message


def render(diagnosis: Diagnosis) -> str:
    """One SARIF run; a finding whose line is unknown points to the program."""
    run = diagnosis.run
    rules = list(dict.fromkeys(finding.rule for finding in diagnosis.findings))
    told = {
        "tool": {
            "driver": {
                "name": "diagnose",
                "semanticVersion": diagnose.__version__,
                "rules": [_rule(name) for name in rules],
            }
        },
        "invocations": [_invocation(diagnosis)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, rules.index(finding.rule), run) for finding in diagnosis.findings],
    }
    cwd = run.facts.get("cwd")
    if isinstance(cwd, str) and os.path.isabs(cwd):
        told["originalUriBaseIds"] = {ROOT: {"uri": f"file://{_uri(cwd).rstrip('/')}/"}}
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [told]}, indent=1) + "\n"


def _rule(name: str) -> dict[str, Any]:
    from diagnose.rules import all_rules  # here, because rules import numpy

    told: dict[str, Any] = {"id": plain(name), "shortDescription": {"text": plain(title(name))}}
    rule = all_rules().get(name)
    if rule is not None:
        told["shortDescription"] = {"text": rule.title}
        told["help"] = {"text": rule.documentation}
        told["properties"] = {"tags": [rule.family]}
    return told


def _invocation(diagnosis: Diagnosis) -> dict[str, Any]:
    run = diagnosis.run
    told: dict[str, Any] = {
        "executionSuccessful": run.state == "finished",
        "arguments": [plain(argument) for argument in run.arguments],
    }
    if run.exit_status is not None:
        told["exitCode"] = run.exit_status
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", run.started):
        told["startTimeUtc"] = run.started
    notifications = [{"level": "note", "message": _message(f"{s.place}: {s.message}")} for s in diagnosis.blind_spots]
    if diagnosis.level == "nothing-observed":
        from diagnose.report.words import verdict

        notifications.insert(0, {"level": "error", "message": _message(verdict(diagnosis))})
    if notifications:
        told["toolExecutionNotifications"] = notifications
    return told


def _result(finding: Finding, index: int, run: Run) -> dict[str, Any]:
    said = finding.message + (f". Fix: {finding.fix.text}" if finding.fix else "")
    if finding.fix and finding.fix.code:
        said += f"\n{finding.fix.code}"
    return {
        "ruleId": plain(finding.rule),
        "ruleIndex": index,
        "level": finding.severity,
        "rank": round(100 * finding.confidence, 1),
        "message": _message(said),
        "locations": [_location(finding, run)],
        "partialFingerprints": {"finding/v1": plain(finding.id)},
        "properties": {
            "evidence": [statement(seen) for seen in finding.evidence],
            "symptom_of": [plain(cause) for cause in finding.symptom_of],
            "training": finding.training,
        },
    }


def _location(finding: Finding, run: Run) -> dict[str, Any]:
    file, line = (finding.source.file, finding.source.line) if finding.source else (run.program, 1)
    cwd = run.facts.get("cwd")
    if isinstance(cwd, str) and os.path.isabs(file) and Path(file).is_relative_to(cwd):
        file = os.path.relpath(file, cwd)
    if os.path.isabs(file):
        artifact = {"uri": f"file://{_uri(file)}"}
    else:
        artifact = {"uri": _uri(file), "uriBaseId": ROOT}
    region: dict[str, Any] = {"startLine": max(1, line)}
    quoted = lines(finding.source, run) if finding.source else {}
    if quoted:
        region["snippet"] = {"text": quoted[line]}
    told: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    if finding.places:
        told["logicalLocations"] = [
            {"fullyQualifiedName": plain(place), "kind": "member"} for place in dict.fromkeys(finding.places)
        ]
    return told


def _uri(path: str) -> str:
    return quote(Path(path).as_posix().encode("utf-8", "surrogateescape"))


def _message(text: str) -> dict[str, str]:
    """A message in which nothing is a link that was not meant as one."""
    text = "\n".join(plain(line) for line in text.splitlines())
    return {"text": re.sub(r"([\[\]\\])", r"\\\1", text) if LINK.search(text) else text}
