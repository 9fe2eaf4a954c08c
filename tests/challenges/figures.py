"""What the answers on the challenge programs come to: the figures of score.py, counted from judged runs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from recorded import Program
from score import LOUD, wilson

BINS = (0.0, 0.6, 0.75, 0.85, 0.95, 1.01)  # of stated confidence


@dataclass(frozen=True)
class Answer:
    """What was said of one program. `causes` are (rule, confidence) of loud unfolded findings by rank."""

    program: Program
    causes: tuple[tuple[str, float], ...]
    loud: tuple[str, ...]  # rules of all loud findings, folded or not
    notes: int

    @property
    def expect(self) -> set[str]:
        return set(self.program.label["expect"])

    @property
    def accept(self) -> set[str]:
        return set(self.program.label.get("accept", ()))

    @property
    def names(self) -> list[str]:
        return list(dict.fromkeys(rule for rule, _ in self.causes))

    @property
    def named(self) -> bool:
        """Whether one of the first three causes is expected."""
        return bool(set(self.names[:3]) & self.expect)

    @property
    def alarms(self) -> list[str]:
        """Loud rules on a sound program that its label does not tolerate."""
        return [] if self.program.faulty else [r for r in self.loud if r not in self.program.label.get("tolerate", ())]

    @property
    def mark(self) -> str:
        if not self.program.faulty:
            return "ALARM" if self.alarms else "silent"
        if set(self.names[:1]) & self.expect:
            return "cause@1"
        if self.named:
            return "cause@3"
        if set(self.names[:3]) & self.accept:
            return "symptom"
        return "other" if self.names else "MISSED"


def answer(program: Program, diagnosis: Any) -> Answer:
    loud = [f for f in diagnosis.findings if f.severity in LOUD]
    return Answer(
        program,
        tuple((f.rule, f.confidence) for f in loud if not f.symptom_of),
        tuple(sorted({f.rule for f in loud})),
        sum(f.severity == "note" for f in diagnosis.findings),
    )


def totals(answers: Sequence[Answer]) -> dict[str, tuple[int, int]]:
    """(hits, of how many) for each figure; "spurious" and "notes" are counts over programs."""
    faulty = [a for a in answers if a.program.faulty]
    sound = [a for a in answers if not a.program.faulty]
    fixed = {a.program.id: a for a in sound if a.expect}
    pairs = [(a, fixed[a.program.id]) for a in faulty if a.program.id in fixed]
    return {
        "detected": (sum(bool(a.causes) for a in faulty), len(faulty)),
        "cause@1": (sum(a.mark == "cause@1" for a in faulty), len(faulty)),
        "cause@3": (sum(a.named for a in faulty), len(faulty)),
        "told apart": (sum(bool((set(a.names[:3]) & a.expect) - set(b.loud)) for a, b in pairs), len(pairs)),
        "alarms": (sum(bool(a.alarms) for a in sound), len(sound)),
        "spurious": (sum(sum(r not in a.expect | a.accept for r in a.names) for a in faulty), len(faulty)),
        "notes": (sum(a.notes for a in sound), len(sound)),
    }


def told(hits: int, n: int, name: str) -> str:
    """A figure in words: a share with its interval, or a mean a program."""
    return f"{hits / max(n, 1):.2f}" if name in ("spurious", "notes") else wilson(hits, n)


def summary(answers: Sequence[Answer]) -> str:
    return ", ".join(f"{name} {told(*figure, name)}" for name, figure in totals(answers).items())


def by_rule(answers: Sequence[Answer]) -> list[tuple[str, int, int, int, int]]:
    """(rule, faulty programs that expect it, named among them, named where not fitting, sound programs alarmed).

    Where a label expects any one of several, the program counts for the one that was named, or else for the first.
    """
    expected: Counter[str] = Counter()
    named: Counter[str] = Counter()
    odd: Counter[str] = Counter()
    alarmed: Counter[str] = Counter()
    for a in answers:
        alarmed.update(a.alarms)
        if not a.program.faulty:
            continue
        hit = next((r for r in a.names[:3] if r in a.expect), None)
        expected[hit or a.program.label["expect"][0]] += 1
        if hit:
            named[hit] += 1
        odd.update(r for r in a.names if r not in a.expect | a.accept)
    rules = sorted(set(expected) | set(odd) | set(alarmed))
    return [(r, expected[r], named[r], odd[r], alarmed[r]) for r in rules]


def reliability(answers: Sequence[Answer]) -> list[tuple[float, float, int, int]]:
    """(from, to, causes said with such confidence, how many of them fit the label), a bin a row."""
    rows: dict[int, list[bool]] = defaultdict(list)
    for a in answers:
        fitting = a.expect | a.accept if a.program.faulty else set(a.program.label.get("tolerate", ()))
        for rule, confidence in a.causes:
            rows[max(i for i, low in enumerate(BINS) if confidence >= low)].append(rule in fitting)
    return [(BINS[i], BINS[i + 1], len(rows[i]), sum(rows[i])) for i in sorted(rows)]


def reliability_by_rule(answers: Sequence[Answer]) -> list[tuple[str, float, int, int]]:
    """(rule, mean stated confidence, said, fitting): where a confidence is to be mended."""
    said: dict[str, list[tuple[float, bool]]] = defaultdict(list)
    for a in answers:
        fitting = a.expect | a.accept if a.program.faulty else set(a.program.label.get("tolerate", ()))
        for rule, confidence in a.causes:
            said[rule].append((confidence, rule in fitting))
    return [
        (rule, sum(c for c, _ in rows) / len(rows), len(rows), sum(fits for _, fits in rows))
        for rule, rows in sorted(said.items())
    ]
