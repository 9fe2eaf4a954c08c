"""The one line on stderr for an error found while training runs."""

from __future__ import annotations

from diagnose.finding import Finding
from diagnose.report.words import plain


def line(finding: Finding, step: int | None = None) -> str:
    """One line, no colour and no newline: diagnose: error at step 320: dead-units: … (train.py:14)."""
    when = f" at step {step:,}" if step is not None else ""
    source = f" ({finding.source})" if finding.source and str(finding.source) not in finding.message else ""
    return plain(f"diagnose: {finding.severity}{when}: {finding.rule}: {finding.message}{source}")
