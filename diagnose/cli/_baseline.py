"""--baseline FILE: findings that are known already are set aside, so that only new ones count."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from diagnose.errors import UsageError
from diagnose.finding import Diagnosis


def read_baseline(file: str) -> frozenset[str]:
    """Ids of the findings in a JSON diagnosis, as -o writes it.

    Raises:
        UsageError: the file can not be read, or is no such JSON.
    """
    try:
        document = json.loads(Path(file).read_text(encoding="utf-8"))
        return frozenset(str(finding["id"]) for finding in document["findings"])
    except OSError as error:
        raise UsageError(f"expected --baseline with a readable file, found {file!r}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise UsageError(f"expected --baseline with JSON that diagnose wrote (-o FILE.json), found {file!r}") from None


def without(diagnosis: Diagnosis, known: frozenset[str], file: str) -> Diagnosis:
    """The diagnosis with findings of the baseline moved to what is suppressed."""
    kept = [finding for finding in diagnosis.findings if finding.id not in known]
    ids = {finding.id for finding in kept}
    suppressed = [
        {"rule": finding.rule, "by": f"baseline {file}", "id": finding.id}
        for finding in diagnosis.findings
        if finding.id in known
    ]
    return replace(
        diagnosis,
        findings=tuple(
            replace(finding, rank=rank, symptom_of=tuple(cause for cause in finding.symptom_of if cause in ids))
            for rank, finding in enumerate(sorted(kept, key=lambda finding: finding.rank), 1)
        ),
        suppressed=(*diagnosis.suppressed, *suppressed),
    )
