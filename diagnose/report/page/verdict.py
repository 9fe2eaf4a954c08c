"""What stands first: one sentence, what to do, what was found sound, what could not be seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from diagnose.finding import SEVERITIES, Diagnosis, Finding
from diagnose.report.page.findings import Card
from diagnose.report.words import count, counted, kind, number, plain, trainings, verdict
from diagnose.run import Run, Training

WORDS = {
    "error": "Something is wrong",
    "warning": "Something needs a look",
    "note": "Sound, as far as could be seen",
    "healthy": "Sound, as far as could be seen",
    "nothing-observed": "Nothing was observed",
}
SIGNS = {"error": "✕", "warning": "!", "note": "i", "healthy": "✓", "nothing-observed": "?"}
REASONS = {
    "other-kind": "for other kinds of training",
    "no-validation": "no evaluation on other data was seen",
    "not-recorded": "what they look at does not occur here or was not recorded",
    "not-explained": "attribution was not measured (diagnose run --explain)",
    "too-few-steps": "too few steps",
    "one-process": "for trainings by several processes",
    "ignored": "ignored by settings",
}


@dataclass(frozen=True)
class Family:
    """How the rules of one family fared."""

    name: str
    level: str
    sign: str
    words: str


@dataclass(frozen=True)
class Verdict:
    """The head of the page."""

    level: str
    sign: str
    word: str
    sentence: str
    trained: str
    facts: str
    state: str
    first: Card | None
    confidence: str
    families: tuple[Family, ...]
    sound: tuple[str, ...]
    missed: tuple[tuple[str, tuple[str, ...]], ...]
    unseen: tuple[tuple[str, str], ...]
    suppressed: tuple[tuple[str, str], ...]


def head(diagnosis: Diagnosis, cards: list[Card]) -> Verdict:
    """Everything that the first screen says."""
    level, run = diagnosis.level, diagnosis.run
    first = next((card for card in cards if card.finding.loud), None)
    return Verdict(
        level=level, sign=SIGNS[level], word=WORDS[level], sentence=verdict(diagnosis), first=first,
        trained=trained(run), facts=f"{counted(diagnosis) or 'no findings'} in {trainings(run) or 'no training'}",
        state=state(run),
        confidence=_confidence(diagnosis, first.finding if first else None),
        families=tuple(_families(diagnosis)),
        sound=tuple(_sound(diagnosis)),
        missed=tuple(_missed(diagnosis)),
        unseen=tuple(_unseen(diagnosis)),
        suppressed=tuple((plain(one.get("rule", "")), plain(one.get("by", ""))) for one in diagnosis.suppressed),
    )  # fmt: skip


def trained(run: Run) -> str:
    """For somebody who did not write it: what the program trained, on what, and how far it came."""
    if not run.trainings:
        return "No training was seen."
    told = []
    for one in run.trainings[:2]:
        size = sum(parameter.size for parameter in one.parameters)
        network = f"a network of {count(len(one.layers), 'layer')} and {count(size, 'parameter')}" if one.layers else "a network"
        called = f" ({kind(one)})" if kind(one) else ""
        epochs = f", {count(len(one.epochs), 'epoch')}" if one.epochs else ""
        words = f"{network}{called} over {count(one.steps, 'step')}{epochs}"
        told.append("; ".join([words, *_reached(one)]))
    rest = len(run.trainings) - len(told)
    more = f", and {count(rest, 'more training')}" if rest else ""
    return f"{plain(run.program)} trained {', then '.join(told)}{more}."


def _reached(one: Training) -> list[str]:
    """From where to where loss and accuracy went."""
    told = []
    loss = one.series("loss").values
    if len(loss) > 1:
        few = max(1, len(loss) // 20)
        told.append(f"training loss from {number(float(loss[0]))} to {number(float(loss[-few:].mean()))}")
    for held in one.evaluations:
        right = held.accuracy[np.isfinite(held.accuracy)]
        if len(right):
            told.append(f"accuracy on {plain(held.name)} {right[-1]:.1%} at the end")
            break
        if len(held) and np.isfinite(held.loss[-1]):
            told.append(f"loss on {plain(held.name)} {number(float(held.loss[-1]))} at the end")
            break
    return told


def state(run: Run) -> str:
    """How the program ended, empty where it ended well."""
    after = f"after {number(run.seconds)} s"
    if run.state in ("interrupted", "killed"):
        return f"The program was {run.state} {after}: what follows is what was seen until then."
    if run.state == "running":
        return f"The program was still running {after}: what follows is what was seen until then."
    if run.exception:
        return f"The program ended by {plain(run.exception)} {after}."
    return "The program failed." if run.state == "failed" else ""


def _confidence(diagnosis: Diagnosis, first: Finding | None) -> str:
    if first is not None:
        return f"{first.confidence:.0%}, an estimate of its rule that is not fitted to labelled programs yet"
    return ""


def _families(diagnosis: Diagnosis) -> list[Family]:
    from diagnose.rules import all_rules

    known = {name: rule.family for name, rule in all_rules().items()}
    found: dict[str, list[str]] = {}
    for finding in diagnosis.findings:
        found.setdefault(finding.family, []).append(finding.severity)
    checked = Counter(known[name] for name in set(diagnosis.checked) if name in known)
    told = []
    for name in sorted({*known.values(), *found}):
        severities = found.get(name, [])
        worst = next((severity for severity in SEVERITIES if severity in severities), None)
        if worst:
            amounts = [count(severities.count(one), one) for one in SEVERITIES if one in severities]
            told.append(Family(name, worst, SIGNS[worst], ", ".join(amounts)))
        elif checked[name]:
            told.append(Family(name, "healthy", SIGNS["healthy"], f"{checked[name]} sound"))
        else:
            told.append(Family(name, "none", "–", "not checked"))
    order = ("error", "warning", "note", "healthy", "none")
    return sorted(told, key=lambda one: order.index(one.level))


def _sound(diagnosis: Diagnosis) -> list[str]:
    found = {finding.rule for finding in diagnosis.findings}
    return [name for name in dict.fromkeys(diagnosis.checked) if name not in found]


def _missed(diagnosis: Diagnosis) -> list[tuple[str, tuple[str, ...]]]:
    reasons: dict[str, list[str]] = {}
    for missed in diagnosis.not_checked:
        if missed.rule not in diagnosis.checked:
            names = reasons.setdefault(REASONS.get(missed.code, plain(missed.code).replace("-", " ")), [])
            if missed.rule not in names:
                names.append(plain(missed.rule))
    return [(reason, tuple(names)) for reason, names in reasons.items()]


def _unseen(diagnosis: Diagnosis) -> list[tuple[str, str]]:
    told = [(plain(spot.place), plain(spot.message)) for spot in diagnosis.blind_spots]
    for event in diagnosis.run.events:
        if event.kind in ("recording-stopped", "probe-failed"):
            why = event.details.get("reason") or event.details.get("error") or ""
            place = event.place or event.details.get("probe") or ""
            told.append((plain(place), f"{event.kind.replace('-', ' ')}: {plain(why)}"))
    return told
