"""--baseline FILE: findings that are known already are set aside, so that only new ones count."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path

from diagnose.errors import DiagnoseError, UsageError
from diagnose.finding import Diagnosis
from diagnose.report import format_of


@dataclass(frozen=True)
class Baseline:
    """Ids of the findings that a file holds."""

    file: str
    known: frozenset[str]

    @classmethod
    def read(cls, file: str) -> Baseline:
        """From a JSON diagnosis, as -o writes it, or from a page, in which it stands.

        Raises:
            UsageError: the file can not be read, or is no such JSON.
        """
        return cls(file, frozenset(_ids(file)))

    def without(self, diagnosis: Diagnosis) -> Diagnosis:
        """The diagnosis with findings of the baseline moved to what is suppressed."""
        kept = [finding for finding in diagnosis.findings if finding.id not in self.known]
        ids = {finding.id for finding in kept}
        suppressed = [
            {"rule": finding.rule, "by": f"baseline {self.file}", "id": finding.id}
            for finding in diagnosis.findings
            if finding.id in self.known
        ]
        return replace(
            diagnosis,
            findings=tuple(
                replace(finding, rank=rank, symptom_of=tuple(cause for cause in finding.symptom_of if cause in ids))
                for rank, finding in enumerate(sorted(kept, key=lambda finding: finding.rank), 1)
            ),
            suppressed=(*diagnosis.suppressed, *suppressed),
        )


def _ids(file: str) -> list[str]:
    try:
        text = Path(file).read_text(encoding="utf-8")
        if format_of(file) == "html":
            from diagnose.report.html import read_back

            document = read_back(text)
        else:
            document = json.loads(text)
        return [str(finding["id"]) for finding in document["findings"]]
    except OSError as error:
        raise UsageError(f"expected --baseline with a readable file, found {file!r}: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, DiagnoseError):
        raise UsageError(f"expected --baseline with JSON that diagnose wrote (-o FILE.json), found {file!r}") from None
