"""Runs the rules on a run and arranges what they say by cause."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from diagnose.alike import weighed
from diagnose.errors import UsageError
from diagnose.finding import SEVERITIES, Diagnosis, Finding, NotChecked, Severity
from diagnose.rules import Rule, all_rules
from diagnose.run import Run, Training
from diagnose.settings import Settings

__all__ = ["Settings", "judge"]

NAMED_PLACES = 3  # how many places a merged message names besides its first
KEPT_EVIDENCE = 12  # of a merged finding: enough to draw, bounded for a network of a thousand layers
DEAR = "cost"  # the family whose faults make a training dearer, not worse: after the others of their severity
SLACK = 0.2  # share of a training by which a symptom may seem to begin before its cause: rules judge over windows


def judge(
    run: Run, *, settings: Settings | None = None, strict: bool = False, rules: Mapping[str, Rule] | None = None
) -> Diagnosis:
    """Judge every training of a run.

    Args:
        run: the recorded run; it is only read.
        settings: thresholds, and rules to select or ignore: names, families, or `rule:place` where place is a path, the
            path of a module above it, or a pattern with `*`. An empty `select` selects everything; `ignore` wins.
        strict: raise what a failing rule raises instead of telling it as not checked (for tests).
        rules: the rules to run by name; default: all.

    Raises:
        UsageError: a threshold in the settings belongs to no argument of its rule.
    """
    settings = settings or Settings()
    rules = all_rules() if rules is None else rules
    _check_thresholds(settings, rules)
    findings: list[Finding] = []
    refused: list[NotChecked] = []
    suppressed: list[Mapping[str, str]] = []
    checked: list[str] = []
    for rule in rules.values():
        entry = next((e for e in settings.ignore if e in (rule.name, rule.family)), None)
        if entry is not None:
            suppressed.append({"rule": rule.name, "by": _origin(entry, settings)})
            continue
        if not _selected(rule, settings.select):
            continue
        reasons = []
        for training in run.trainings:
            reason = _unable(rule, training, settings)
            if reason is None:
                found, reason = _apply(rule, training, settings, strict, suppressed)
                findings += found
            if reason is None:
                checked.append(rule.name)
            else:
                reasons.append(reason)
        if not run.trainings:
            reasons = [NotChecked(rule.name, "nothing-observed", "no training was observed")]
        refused += _united(reasons, len(run.trainings))
    return Diagnosis(
        run=run,
        findings=tuple(_ranked(_folded(weighed(findings, run.trainings), rules, {t.id: t.steps for t in run.trainings}))),
        checked=tuple(dict.fromkeys(checked)),
        not_checked=tuple(refused),
        blind_spots=run.blind_spots,
        suppressed=tuple(suppressed),
        settings={
            "thresholds": {name: dict(values) for name, values in settings.thresholds.items()},
            "select": list(settings.select),
            "ignore": list(settings.ignore),
        },
    )


def _check_thresholds(settings: Settings, rules: Mapping[str, Rule]) -> None:
    for name, values in settings.thresholds.items():
        known = rules[name].thresholds if name in rules else {}
        for key in values:
            if name in rules and key not in known:
                names = ", ".join(known) or "none"
                raise UsageError(f"expected a threshold of {name} ({names}), found {key!r}")


def _origin(entry: str, settings: Settings) -> str:
    return settings.origin.get(f"ignore:{entry}", "settings")


# Which rules run


def _selected(rule: Rule, select: Sequence[str]) -> bool:
    return not select or any(entry.split(":", 1)[0] in (rule.name, rule.family) for entry in select)


def _unable(rule: Rule, training: Training, settings: Settings) -> NotChecked | None:
    """Why the rule cannot speak about this training; None when it can."""
    if rule.kinds is not None and training.kind not in rule.kinds:
        message = f"is about {' and '.join(rule.kinds)}; this training is {training.kind}"
        return NotChecked(rule.name, "other-kind", message, training.id)
    for need in rule.needs:
        if not _recorded(need, training):
            if need == "evaluations":
                return NotChecked(rule.name, "no-validation", "no evaluation was observed", training.id)
            if need == "ranks":
                return NotChecked(rule.name, "one-process", "one process trained", training.id)
            if need == "explanations":
                return NotChecked(rule.name, "not-explained", _unexplained(training), training.id)
            return NotChecked(rule.name, "not-recorded", f"{need} was not recorded", training.id)
    minimum = {**rule.thresholds, **settings.thresholds.get(rule.name, {})}.get("min_steps")
    if isinstance(minimum, int) and training.steps < minimum:
        message = f"needs {minimum} steps, the training has {training.steps}"
        return NotChecked(rule.name, "too-few-steps", message, training.id)
    return None


def _unexplained(training: Training) -> str:
    """Why there is no attribution."""
    refused = [explanation.refused for explanation in training.explanations if explanation.refused]
    return refused[0] if refused else "attribution is measured by diagnose run --explain"


def _recorded(need: str, training: Training) -> bool:
    match need:
        case "evaluations":
            return any(len(evaluation) for evaluation in training.evaluations)
        case "losses":
            return bool(training.training_losses)
        case "ranks":
            return training.ranks > 1
        case "explanations":
            return any(explanation.refused is None for explanation in training.explanations)
        case "edges" | "parameters" | "inputs" | "layers" | "events" | "optimizers":
            return bool(getattr(training, need))
    return training.has(need)


def _united(reasons: Sequence[NotChecked], trainings: int) -> list[NotChecked]:
    """One entry for the whole run where a rule could not speak about any training for one reason."""
    if len(reasons) > 1 and len(reasons) == trainings and len({(r.code, r.message) for r in reasons}) == 1:
        return [replace(reasons[0], training=None)]
    return list(reasons)


# What one rule says about one training


def _apply(
    rule: Rule, training: Training, settings: Settings, strict: bool, suppressed: list[Mapping[str, str]]
) -> tuple[list[Finding], NotChecked | None]:
    """The rule's findings, merged into at most one, and the reason if it failed."""
    found: list[Finding] = []
    try:
        with np.errstate(all="ignore"):
            said = rule(training, **settings.thresholds.get(rule.name, {}))
            found.extend(_sound(finding, rule, training, strict) for finding in said)
    except Exception as error:  # a bug of ours must not cost the user the other rules' findings
        if strict:
            raise
        reason = NotChecked(rule.name, "rule-failed", f"{type(error).__name__}: {error}".splitlines()[0], training.id)
        return [], reason
    kept = []
    for finding in found:
        entry = _place_entry(finding, settings.ignore)
        if entry is not None:
            by = _origin(entry, settings)
            suppressed.append({"rule": rule.name, "place": finding.places[0], "by": by})
        elif _place_selected(finding, settings.select):
            kept.append(finding)
    return ([_merged(kept)] if kept else []), None


def _sound(finding: Finding, rule: Rule, training: Training, strict: bool) -> Finding:
    """The finding with what is the judge's to fill in, and only evidence that is true."""
    true = tuple(evidence for evidence in finding.evidence if evidence.holds())
    if len(true) < len(finding.evidence) and (strict or not true):
        false = next(evidence for evidence in finding.evidence if not evidence.holds())
        said = f"{false.quantity} at {false.place}: {false.value!r} {false.comparison} {false.limit!r}"
        raise ValueError(f"expected evidence that holds, found {said}")
    return replace(finding, evidence=true, rule=rule.name, family=rule.family, training=training.id)


def _matches(place: str, pattern: str) -> bool:
    return place == pattern or place.startswith(pattern + ".") or fnmatchcase(place, pattern)


def _place_entry(finding: Finding, entries: Sequence[str]) -> str | None:
    """The entry `rule:place` that names this finding's first place."""
    for entry in entries:
        name, colon, pattern = entry.partition(":")
        named = colon and name in (finding.rule, finding.family)
        if named and finding.places and _matches(finding.places[0], pattern):
            return entry
    return None


def _place_selected(finding: Finding, select: Sequence[str]) -> bool:
    own = [entry for entry in select if entry.split(":", 1)[0] in (finding.rule, finding.family)]
    return not own or any(":" not in entry for entry in own) or _place_entry(finding, own) is not None


def _merged(findings: Sequence[Finding]) -> Finding:
    """One finding for a rule in a training: the gravest, naming the places of the others."""
    if len(findings) == 1:
        return findings[0]
    ordered = sorted(findings, key=_gravity)  # stable: forward order among equals
    first = ordered[0]
    places = tuple(dict.fromkeys(place for finding in ordered for place in finding.places))
    others = [p for p in dict.fromkeys(f.places[0] for f in ordered[1:] if f.places) if p not in first.places]
    message = first.message
    if others:
        message += f"; also at {', '.join(others[:NAMED_PLACES])}"
        if len(others) > NAMED_PLACES:
            message += f" and {len(others) - NAMED_PLACES} more"
    spans = [finding.steps for finding in ordered if finding.steps is not None]
    return replace(
        first,
        message=message,
        places=places,
        evidence=tuple(evidence for finding in ordered for evidence in finding.evidence)[:KEPT_EVIDENCE],
        steps=(min(s[0] for s in spans), max(s[1] for s in spans)) if spans else None,
    )


# Causes and symptoms


def _gravity(finding: Finding) -> tuple[int, float, float]:
    """Sorts by severity, confidence, and how early."""
    early = float(finding.steps[0]) if finding.steps is not None else float("inf")
    return SEVERITIES.index(finding.severity), -finding.confidence, early


def _closure(name: str, rules: Mapping[str, Rule]) -> set[str]:
    """Rules that follow from this one, directly or through others."""
    reached: set[str] = set()
    waiting = [name]
    while waiting:
        rule = rules.get(waiting.pop())
        for symptom in rule.symptoms if rule is not None else ():
            if symptom not in reached:
                reached.add(symptom)
                waiting.append(symptom)
    return reached - {name}


def _precedes(symptom: Finding, cause: Finding, steps: int) -> bool:
    """Whether the symptom clearly came before the cause, so that it cannot follow from it."""
    if symptom.steps is None or cause.steps is None:
        return False
    return symptom.steps[1] < cause.steps[0] or symptom.steps[0] + SLACK * steps < cause.steps[0]


def _folded(findings: Sequence[Finding], rules: Mapping[str, Rule], steps: Mapping[int, int]) -> list[Finding]:
    """The findings with `symptom_of` filled in: a symptom names only causes that are themselves unfolded."""
    reach = {name: _closure(name, rules) for name in {finding.rule for finding in findings}}

    def leads(cause: Finding, symptom: Finding) -> bool:
        if cause.training != symptom.training or symptom.rule not in reach[cause.rule]:
            return False
        if cause.rule in reach[symptom.rule]:  # they may follow from each other: the nearer relation holds
            direct = symptom.rule in rules[cause.rule].symptoms, cause.rule in rules[symptom.rule].symptoms
            if direct == (False, True):
                return False
        if cause.severity == "note" != symptom.severity:  # what is merely worth knowing explains no fault
            return False
        return not _precedes(symptom, cause, steps.get(cause.training, 0))

    remaining = sorted(findings, key=lambda f: (_gravity(f), f.rule, f.training))
    causes: list[Finding] = []
    symptoms: list[Finding] = []
    while remaining:
        root = next((f for f in remaining if not any(leads(o, f) for o in remaining if o is not f)), remaining[0])
        remaining.remove(root)
        causes.append(root)
        symptoms += [f for f in remaining if leads(root, f)]
        remaining = [f for f in remaining if not leads(root, f)]
    causes = [replace(c, severity=_gravest([c, *(s for s in symptoms if leads(c, s))])) for c in causes]
    return causes + [replace(s, symptom_of=tuple(sorted(c.id for c in causes if leads(c, s)))) for s in symptoms]


def _gravest(findings: Sequence[Finding]) -> Severity:
    """What leads to an error is one."""
    return min((finding.severity for finding in findings), key=SEVERITIES.index)


def _ranked(findings: Sequence[Finding]) -> Iterator[Finding]:
    """Causes before symptoms, gravest first; symptoms in the order of their causes."""
    explained: dict[str, int] = {}
    for finding in findings:
        for cause in finding.symptom_of:
            explained[cause] = explained.get(cause, 0) + 1

    def weight(finding: Finding) -> tuple[Any, ...]:
        severity, *rest = _gravity(finding)
        return severity, finding.family == DEAR, *rest, -explained.get(finding.id, 0), finding.rule, finding.training

    causes = sorted((f for f in findings if not f.symptom_of), key=weight)
    order = {cause.id: position for position, cause in enumerate(causes)}
    symptoms = sorted(
        (f for f in findings if f.symptom_of), key=lambda f: (min(order[c] for c in f.symptom_of), *weight(f))
    )
    for rank, finding in enumerate([*causes, *symptoms], 1):
        # the order of `symptom_of` is that of the causes' ranks: the first is the likeliest
        yield replace(finding, rank=rank, symptom_of=tuple(sorted(finding.symptom_of, key=order.__getitem__)))
