"""Trainings alike: where the same lines train many networks, what few of them show is a note."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace

from diagnose.finding import Finding
from diagnose.run import Training

# Own choice: a trend that is not there is found in one of twenty trainings, so in one of them in a quarter of the runs of six,
# in two or more of them in 3 %.
MANY = 6
RARE = 0.2


def weighed(findings: Sequence[Finding], trainings: Sequence[Training]) -> list[Finding]:
    """The findings, those as notes that a fifth or less of many trainings alike show: members of a federation, of an ensemble."""
    kinds = {training.id: _lines(training) for training in trainings}
    count = Counter(lines for lines in kinds.values() if lines is not None)
    shown = Counter((kinds[f.training], f.rule) for f in findings)

    def told(finding: Finding) -> Finding:
        lines = kinds[finding.training]
        of, seen = count.get(lines, 0), shown[lines, finding.rule]
        if of < MANY or seen > RARE * of or finding.severity == "note":
            return finding
        return replace(finding, severity="note", message=f"{finding.message}; in {seen} of {of} trainings by the same lines")

    return [told(finding) for finding in findings]


def _lines(training: Training) -> Hashable | None:
    """The lines that made its optimizers and what they train; None where they are not known."""
    sources = tuple(optimizer.source for optimizer in training.optimizers)
    return None if not sources or None in sources else (training.kind, sources)
