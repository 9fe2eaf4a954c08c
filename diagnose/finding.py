"""What a rule says and what a judge makes of it: plain values between the stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning", "note"]
Comparison = Literal["above", "below", "within", "outside", "equal", "unequal"]
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")  # worst first


@dataclass(frozen=True)
class Source:
    """A line of the user's program."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file.rsplit('/', 1)[-1]}:{self.line}"


@dataclass(frozen=True)
class Evidence:
    """One recorded quantity and the limit it breaks.

    `value comparison limit` must read as a true sentence: 3e-10 below 1e-3; `limit` is a pair for within and outside.
    """

    quantity: str
    place: str | None
    steps: tuple[int, int] | None
    value: float
    comparison: Comparison
    limit: float | tuple[float, float]
    unit: str | None = None
    statistic: str = "median"

    def holds(self) -> bool:
        """Whether value, comparison and limit agree."""
        if isinstance(self.limit, tuple):
            inside = self.limit[0] <= self.value <= self.limit[1]
            return inside if self.comparison == "within" else self.comparison == "outside" and not inside
        match self.comparison:
            case "above":
                return not self.value <= self.limit  # NaN lies above every limit
            case "below":
                return self.value < self.limit
            case "equal":
                return self.value == self.limit
            case "unequal":
                return self.value != self.limit
        return False


@dataclass(frozen=True)
class Fix:
    """What to change: a sentence with this run's numbers and, where known, the code that replaces a line."""

    text: str
    code: str | None = None


@dataclass(frozen=True)
class Finding:
    """What one rule says about one training.

    A rule fills in everything but `rule`, `family`, `training`, `rank`, `symptom_of`: those are the judge's.
    `message` is one line without a full stop: what is seen, where, how much against which limit.
    """

    message: str
    places: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    severity: Severity = "error"
    confidence: float = 0.9  # the share of such findings expected to be true
    steps: tuple[int, int] | None = None
    fix: Fix | None = None
    source: Source | None = None
    rule: str = ""
    family: str = ""
    training: int = 0
    rank: int = 0
    symptom_of: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Unique in a run: `rule:training:first place`."""
        return f"{self.rule}:{self.training}:{self.places[0] if self.places else ''}"

    @property
    def loud(self) -> bool:
        """An error or a warning: something a person must look at."""
        return self.severity != "note"


@dataclass(frozen=True)
class NotChecked:
    """A rule that could not speak, and why. `code` is stable: no-validation, not-recorded, too-few-steps, other-kind…"""

    rule: str
    code: str
    message: str
    training: int | None = None


@dataclass(frozen=True)
class BlindSpot:
    """A place of the program that could not be observed."""

    place: str
    message: str


@dataclass(frozen=True)
class Diagnosis:
    """A judged run: findings by rank, what was checked, and what was not."""

    run: Any  # diagnose.run.Run
    findings: tuple[Finding, ...]
    checked: tuple[str, ...]
    not_checked: tuple[NotChecked, ...] = ()
    blind_spots: tuple[BlindSpot, ...] = ()
    suppressed: tuple[Mapping[str, str], ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def causes(self) -> tuple[Finding, ...]:
        """Findings that are no other finding's symptom, by rank."""
        return tuple(f for f in self.findings if not f.symptom_of)

    def symptoms(self, cause: Finding) -> tuple[Finding, ...]:
        """Findings folded under `cause`."""
        return tuple(f for f in self.findings if cause.id in f.symptom_of)

    @property
    def level(self) -> str:
        """error, warning, note, healthy or nothing-observed."""
        if self.run.state == "nothing-observed":
            return "nothing-observed"
        present = {f.severity for f in self.findings}
        return next((s for s in SEVERITIES if s in present), "healthy")

    def _repr_html_(self) -> str:
        """What a notebook shows of it."""
        # by name: what is judged knows no report, and only one that is shown in a notebook imports one
        from importlib import import_module

        return str(import_module("diagnose.report.notebook").notebook(self))
