"""How findings, numbers and names are put into words, alike in every report."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from diagnose.finding import Diagnosis, Evidence, Finding

if TYPE_CHECKING:
    from diagnose.run import Run, Training

ACRONYMS = {"bce": "BCE", "gan": "GAN", "kl": "KL", "lr": "LR"}
SUFFIXED_UNITS = {"s": "s", "byte": "bytes"}  # the other units are shares, counts or the name over again
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}  # controls, direction overrides, lone surrogates, line separators


def plain(text: object) -> str:
    """Text that stays on its line and steers no terminal: what cannot be seen is written as an escape.

    Names of modules, files and metrics come from the user's program and may hold anything.
    """
    return "".join(
        char.encode("unicode_escape").decode("ascii") if unicodedata.category(char) in INVISIBLE else char
        for char in str(text)
    )


def number(value: float, digits: int = 3) -> str:
    """A number of at least `digits` significant digits, short: 1,200, 0.034, 3.2e-10, nan."""
    if not math.isfinite(value):
        return str(float(value))
    if value == int(value) and abs(value) < 1e6:
        return f"{int(value):,}"
    if 1000 <= abs(value) < 1e6:
        return f"{value:,.{max(0, digits - len(str(int(abs(value)))))}f}"
    mantissa, exponent, power = f"{value:.{digits}g}".partition("e")
    return f"{mantissa}e{int(power)}" if exponent else mantissa


def numbers(*values: float) -> list[str]:
    """Numbers with as many digits as it takes to tell different ones apart: 0.99996 is not "1" beside 0.9999."""
    finite = sorted({float(value) for value in values if math.isfinite(value)})
    gap = min((above - below for below, above in pairwise(finite)), default=math.inf)
    shown: list[str] = []
    for digits in range(3, 18):
        shown = [number(value, digits) for value in values]
        if all(abs(float(number(value, digits).replace(",", "")) - value) <= gap / 4 for value in finite):
            break
    return shown


def count(amount: int, noun: str) -> str:
    """1 error, 2 errors."""
    return f"{amount:,} {noun}{'' if amount == 1 else 's'}"


def listed(names: Sequence[str], most: int = 3) -> str:
    """The first names and how many more there are."""
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest:,} more" if rest > 0 else "")


def span(steps: tuple[int, int] | None) -> str:
    """Steps in words, empty when unknown."""
    if steps is None:
        return ""
    return f"step {steps[0]:,}" if steps[0] == steps[1] else f"steps {steps[0]:,}–{steps[1]:,}"


def statement(evidence: Evidence) -> str:
    """Evidence as a sentence: gradient norm at net.0: median 3.2e-10, below 0.001 (steps 0–120)."""
    where = f" at {plain(evidence.place)}" if evidence.place else ""
    when = f" ({span(evidence.steps)})" if evidence.steps else ""
    quantity = plain(evidence.quantity).replace("_", " ")
    if unbounded(evidence):
        return f"{quantity}{where}: {plain(evidence.statistic)} {number(evidence.value)}, not a finite number{when}"
    unit = SUFFIXED_UNITS.get(evidence.unit or "")
    limits = evidence.limit if isinstance(evidence.limit, tuple) else (evidence.limit,)
    value, *shown = (f"{text} {unit}" if unit else text for text in numbers(evidence.value, *limits))
    limit = " … ".join(shown)
    comparison = {"equal": "equal to", "unequal": "not equal to"}.get(evidence.comparison, evidence.comparison)
    return f"{quantity}{where}: {plain(evidence.statistic)} {value}, {comparison} {limit}{when}"


def unbounded(evidence: Evidence) -> bool:
    """Whether the limit is that of a float32 itself: the fault is a number that is none."""
    limits = evidence.limit if isinstance(evidence.limit, tuple) else (evidence.limit,)
    return evidence.comparison == "outside" and all(abs(limit) > 1e38 for limit in limits)


def title(rule: str) -> str:
    """A rule's name as words: softmax before cross entropy."""
    return " ".join(ACRONYMS.get(word, word) for word in rule.split("-")).replace("non finite", "non-finite")


def kind(training: Training) -> str:
    """The kind of a training as words, empty where it is unknown."""
    return "" if training.kind == "unknown" else plain(title(training.kind))


def headline(finding: Finding) -> str:
    """What is wrong, where: softmax before cross entropy in net.fc (train.py:41)."""
    source = str(finding.source) if finding.source else ""
    place = finding.places[0] if finding.places else ""
    named = f" in {place}" if place and not (source and source in place) else ""  # evaluate (train.py:41)
    return plain(title(finding.rule) + named + (f" ({source})" if source else ""))


def counted(diagnosis: Diagnosis) -> str:
    """How many errors, warnings and notes: 1 error, 2 warnings."""
    severities = [finding.severity for finding in diagnosis.findings]
    present = [(severities.count(severity), severity) for severity in dict.fromkeys(sorted(severities, key=_worst))]
    return ", ".join(count(amount, severity) for amount, severity in present)


def trainings(run: Run) -> str:
    """How long which trainings took: 1,200 steps (classification, Adam)."""
    told = []
    for training in run.trainings:
        called = f"{kind(training)}, " if kind(training) else ""
        optimizers = " and ".join(dict.fromkeys(plain(optimizer.type) for optimizer in training.optimizers))
        told.append(f"{count(training.steps, 'step')} ({called}{optimizers or 'no optimizer'})")
    return " and ".join(told) if len(told) <= 2 else count(len(told), "training")


def verdict(diagnosis: Diagnosis) -> str:
    """One sentence: the first cause, or why there is none."""
    run = diagnosis.run
    first = next((finding for finding in diagnosis.causes if finding.loud), None)
    if first is not None:
        return headline(first)
    if run.state == "nothing-observed":
        known = run.facts.get("nothing_observed") or {}
        return plain(f"nothing observed: {known.get('message') or 'no training was seen'}")
    steps = sum(training.steps for training in run.trainings)
    when = {
        "failed": " before the program failed",
        "interrupted": " before the program was interrupted",
        "killed": " before the program was killed",
        "running": " so far",
    }.get(run.state, "")
    notes = f", {counted(diagnosis)}" if diagnosis.findings else ""
    rules = count(len(set(diagnosis.checked)), "rule")
    return f"nothing wrong found{when} ({rules} checked, {count(steps, 'step')}{notes})"


def _worst(severity: str) -> int:
    return ("error", "warning", "note").index(severity)
