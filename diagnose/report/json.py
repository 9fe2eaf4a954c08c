"""The diagnosis as strict JSON, as `schema.json` beside this file describes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from typing import Any

import diagnose
from diagnose.finding import Diagnosis, Evidence, Finding, Source
from diagnose.report.attribution import summary
from diagnose.report.words import verdict

SCHEMA = 1  # raised when a field is renamed, removed or retyped; not when one is added
SUFFIXES = (".json",)


def render(diagnosis: Diagnosis) -> str:
    """Strict JSON: non-finite numbers are the strings "nan", "inf" and "-inf"."""
    return json.dumps(document(diagnosis), indent=1, allow_nan=False) + "\n"


def schema() -> str:
    """The published JSON Schema."""
    return resources.files("diagnose.report").joinpath("schema.json").read_text(encoding="utf-8")


def document(diagnosis: Diagnosis) -> dict[str, Any]:
    """The diagnosis as plain dictionaries, lists, strings and finite numbers."""
    run = diagnosis.run
    overhead = run.facts.get("overhead") or {}
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "tool": {"name": "diagnose", "version": diagnose.__version__},
        "verdict": {"level": diagnosis.level, "text": verdict(diagnosis)},
        "run": {
            "path": run.path,
            "program": run.program,
            "arguments": list(run.arguments),
            "started": run.started,
            "seconds": run.seconds,
            "state": run.state,
            "exit_status": run.exit_status,
            "exception": run.exception,
            "ranks": run.ranks,
            "overhead": {"fraction": overhead.get("fraction"), "once_seconds": overhead.get("once_seconds")},
            "versions": run.facts.get("versions") or {},
            "device": run.facts.get("device"),
            "settings": diagnosis.settings,
            "nothing_observed": run.facts.get("nothing_observed"),
        },
        "trainings": [
            {
                "id": training.id,
                "kind": training.kind,
                "kind_evidence": training.kind_evidence,
                "networks": list(training.networks),
                "optimizers": [optimizer.type for optimizer in training.optimizers],
                "steps": training.steps,
                "epochs": len(training.epochs) or None,
            }
            for training in run.trainings
        ],
        "findings": [of_finding(finding) for finding in diagnosis.findings],
        "explanations": [
            {"training": training.id, **summary(explanation)}
            for training in run.trainings
            for explanation in training.explanations
        ],
        "suppressed": list(diagnosis.suppressed),
        "checked": list(diagnosis.checked),
        "not_checked": [
            {"rule": missed.rule, "code": missed.code, "message": missed.message, "training": missed.training}
            for missed in diagnosis.not_checked
        ],
        "blind_spots": [{"place": spot.place, "message": spot.message} for spot in diagnosis.blind_spots],
    }
    whole: dict[str, Any] = strict(told)
    return whole


def of_finding(finding: Finding) -> dict[str, Any]:
    """One finding."""
    return {
        "id": finding.id,
        "rule": finding.rule,
        "family": finding.family,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "rank": finding.rank,
        "training": finding.training,
        "places": list(finding.places),
        "steps": finding.steps,
        "message": finding.message,
        "fix": {"text": finding.fix.text, "code": finding.fix.code} if finding.fix else None,
        "symptom_of": list(finding.symptom_of),
        "source": _source(finding.source),
        "evidence": [_evidence(seen) for seen in finding.evidence],
    }


def _source(source: Source | None) -> dict[str, Any] | None:
    return {"file": source.file, "line": source.line} if source else None


def _evidence(seen: Evidence) -> dict[str, Any]:
    return {
        "quantity": seen.quantity,
        "unit": seen.unit,
        "place": seen.place,
        "steps": seen.steps,
        "statistic": seen.statistic,
        "value": seen.value,
        "comparison": seen.comparison,
        "limit": seen.limit,
    }


def strict(value: Any) -> Any:
    """The value in JSON's own types; numpy's scalars and arrays become numbers and lists."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {_text(key): strict(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [strict(entry) for entry in value]
    return _text(value)


def _text(value: object) -> str:
    """Text without lone surrogates (file names that are no UTF-8 have them): strict parsers refuse those."""
    return str(value).encode("utf-8", "backslashreplace").decode("utf-8")
