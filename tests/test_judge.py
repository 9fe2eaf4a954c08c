"""The judge: which rules run, what is folded under what, and in which order it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from diagnose.errors import UsageError
from diagnose.finding import SEVERITIES, Diagnosis, Evidence, Finding
from diagnose.judge import judge
from diagnose.rules import Rule, all_rules
from diagnose.run import EvaluationSet, LossSite, Run, Series, Training
from diagnose.settings import Settings

SITE = LossSite("val", "cross_entropy", "evaluation")


def saying(
    name: str, *findings: Finding, family: str = "made", needs: tuple[str, ...] = (), symptoms: tuple[str, ...] = (),
    kinds: tuple[str, ...] | None = None,
) -> dict[str, Rule]:  # fmt: skip
    def check(training: Training, *, limit: float = 1.0, min_steps: int = 0) -> Iterator[Finding]:
        """Says what it was told to say."""
        yield from findings

    return {name: Rule(name, family, check, needs, symptoms, kinds)}


def found(place: str = "net.0", **change: object) -> Finding:
    return replace(Finding(f"something at {place} is 3, above 2", places=(place,)), **change)  # type: ignore[arg-type]


def of(*trainings: Training) -> Run:
    return Run("somewhere", "train.py", trainings=trainings or (Training(steps=100),))


def by_rule(diagnosis: Diagnosis) -> dict[str, Finding]:
    return {finding.rule: finding for finding in diagnosis.findings}


def test_fills_in_rule_family_training_and_rank() -> None:
    (finding,) = judge(of(Training(id=3, steps=10)), rules=saying("dead", found())).findings
    assert (finding.rule, finding.family, finding.training, finding.rank) == ("dead", "made", 3, 1)
    assert finding.id == "dead:3:net.0"


def test_all_rules_on_an_empty_run_find_nothing() -> None:
    diagnosis = judge(Run("x", "x.py", state="nothing-observed"), strict=True)
    assert diagnosis.findings == diagnosis.checked == ()
    assert {n.code for n in diagnosis.not_checked} == {"nothing-observed"}
    assert {n.rule for n in diagnosis.not_checked} == set(all_rules())
    assert diagnosis.level == "nothing-observed"


def test_symptom_is_folded_under_its_cause_and_ranked_after_every_cause() -> None:
    rules = (
        saying("cause", found(), symptoms=("symptom",))
        | saying("symptom", found("net.1", confidence=0.99))
        | saying("other", found("net.2", confidence=0.5))
    )
    diagnosis = judge(of(), rules=rules)
    assert [(f.rule, f.rank, f.symptom_of) for f in diagnosis.findings] == [
        ("cause", 1, ()),
        ("other", 2, ()),
        ("symptom", 3, ("cause:0:net.0",)),
    ]
    assert diagnosis.symptoms(diagnosis.findings[0]) == (diagnosis.findings[2],)


def test_symptom_of_a_symptom_is_folded_under_the_cause_alone() -> None:
    rules = (
        saying("far", found("c")) | saying("near", found("b"), symptoms=("far",))
        | saying("root", found("a"), symptoms=("near",))
    )  # fmt: skip
    diagnosis = judge(of(), rules=rules)
    assert by_rule(diagnosis)["far"].symptom_of == by_rule(diagnosis)["near"].symptom_of == ("root:0:a",)


def test_relation_goes_through_a_rule_that_found_nothing() -> None:
    rules = saying("far", found()) | saying("near", symptoms=("far",)) | saying("root", found(), symptoms=("near",))
    assert by_rule(judge(of(), rules=rules))["far"].symptom_of == ("root:0:net.0",)


@pytest.mark.parametrize(("cause", "told"), [("error", "error"), ("warning", "error"), ("note", None)])
def test_what_leads_to_an_error_is_one_but_a_note_explains_no_fault(cause: str, told: str | None) -> None:
    rules = saying("cause", found(severity=cause), symptoms=("symptom",)) | saying("symptom", found())
    said = by_rule(judge(of(), rules=rules))
    assert said["symptom"].symptom_of == (("cause:0:net.0",) if told else ())
    assert said["cause"].severity == (told or cause)


def test_symptom_in_another_training_is_not_folded() -> None:
    rules = saying("cause", found(), symptoms=("symptom",), needs=("a",)) | saying("symptom", found(), needs=("b",))

    def training(id: int, quantity: str) -> Training:
        return Training(id=id, steps=9, series={(quantity, None): Series(quantity, None, np.arange(9), np.ones(9))})

    diagnosis = judge(of(training(0, "a"), training(1, "b")), rules=rules)
    assert [(f.rule, f.symptom_of) for f in diagnosis.findings] == [("cause", ()), ("symptom", ())]


@pytest.mark.parametrize(
    ("cause", "symptom", "folded"),
    [
        ((0, 99), (0, 99), True),
        ((50, 99), (60, 99), True),
        ((50, 99), (40, 99), True),  # windows: not clearly before
        ((50, 99), (10, 99), False),
        ((50, 99), (0, 49), False),
        (None, (0, 10), True),
        ((50, 99), None, True),
    ],
)
def test_symptom_may_not_clearly_precede_its_cause(
    cause: tuple[int, int] | None, symptom: tuple[int, int] | None, folded: bool
) -> None:
    rules = saying("cause", found(steps=cause), symptoms=("symptom",)) | saying("symptom", found(steps=symptom))
    assert bool(by_rule(judge(of(), rules=rules))["symptom"].symptom_of) is folded


def test_rules_that_follow_from_each_other_leave_one_cause() -> None:
    rules = (
        saying("a", found(steps=(20, 30)), symptoms=("b",)) | saying("b", found(steps=(5, 30)), symptoms=("a",))
    )  # fmt: skip
    assert [(f.rule, f.symptom_of) for f in judge(of(), rules=rules).findings] == [("b", ()), ("a", ("b:0:net.0",))]


def test_direct_relation_outweighs_one_through_others() -> None:
    rules = (
        saying("late", found(confidence=0.5), symptoms=("early",)) | saying("link", symptoms=("late",))
        | saying("early", found(), symptoms=("link",))
    )  # fmt: skip
    assert by_rule(judge(of(), rules=rules))["early"].symptom_of == ("late:0:net.0",)


def test_many_places_become_one_finding() -> None:
    places = [f"net.{i}" for i in range(9)]
    evidence = [Evidence("dead_share", p, (0, i), 0.9, "above", 0.5) for i, p in enumerate(places)]
    rules = saying("dead", *(found(p, evidence=(e,), steps=e.steps) for p, e in zip(places, evidence, strict=True)))
    (finding,) = judge(of(), rules=rules).findings
    assert finding.message == "something at net.0 is 3, above 2; also at net.1, net.2, net.3 and 5 more"
    assert finding.places == tuple(places) and finding.evidence == tuple(evidence) and finding.steps == (0, 8)


def test_merged_finding_is_led_by_the_gravest() -> None:
    rules = saying("dead", found("a", severity="note"), found("b", severity="error"), found("c", severity="warning"))
    (finding,) = judge(of(), rules=rules).findings
    assert (finding.severity, finding.places) == ("error", ("b", "c", "a"))


def test_causes_are_ordered_by_severity_then_confidence_then_time() -> None:
    rules = (
        saying("d", found(severity="warning", confidence=1.0)) | saying("c", found(confidence=0.5))
        | saying("b", found(steps=(9, 10))) | saying("a", found(steps=(3, 10)))
    )  # fmt: skip
    assert [f.rule for f in judge(of(), rules=rules).findings] == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (saying("r", found(), needs=("gradient_norm",)), "not-recorded"),
        (saying("r", found(), needs=("evaluations",)), "no-validation"),
        (saying("r", found(), needs=("edges",)), "not-recorded"),
        (saying("r", found(), kinds=("gan",)), "other-kind"),
    ],
)
def test_rule_that_cannot_speak_says_why(rule: dict[str, Rule], code: str) -> None:
    diagnosis = judge(of(), rules=rule)
    assert [(n.rule, n.code, n.training) for n in diagnosis.not_checked] == [("r", code, 0)]
    assert diagnosis.findings == diagnosis.checked == ()


def test_too_few_steps_come_from_the_rules_own_threshold() -> None:
    rules = saying("r", found())
    few = judge(of(), rules=rules, settings=Settings({"r": {"min_steps": 101}}))
    assert [n.code for n in few.not_checked] == ["too-few-steps"] and not few.findings
    assert judge(of(), rules=rules, settings=Settings({"r": {"min_steps": 100}})).checked == ("r",)


def test_evaluation_without_a_pass_is_no_validation() -> None:
    empty = np.empty(0)
    nothing = EvaluationSet("v", "val", SITE, np.empty(0, np.int64), empty, empty, empty, empty, empty)
    diagnosis = judge(of(Training(steps=9, evaluations=[nothing])), rules=saying("r", needs=("evaluations",)))
    assert [n.code for n in diagnosis.not_checked] == ["no-validation"]


def test_same_reason_in_every_training_is_told_once() -> None:
    diagnosis = judge(of(Training(id=0), Training(id=1)), rules=saying("r", needs=("loss",)))
    assert [(n.code, n.training) for n in diagnosis.not_checked] == [("not-recorded", None)]


def test_failing_rule_costs_nobody_else() -> None:
    def check(training: Training) -> Iterator[Finding]:
        yield found()
        raise ZeroDivisionError("a bug")

    rules = {"broken": Rule("broken", "made", check, (), (), None)} | saying("sound", found())
    diagnosis = judge(of(), rules=rules)
    assert [f.rule for f in diagnosis.findings] == ["sound"]
    assert [(n.rule, n.code, n.message) for n in diagnosis.not_checked] == [
        ("broken", "rule-failed", "ZeroDivisionError: a bug")
    ]
    with pytest.raises(ZeroDivisionError):
        judge(of(), rules=rules, strict=True)


def test_evidence_that_does_not_hold_is_our_bug() -> None:
    true, false = (Evidence("loss", None, None, value, "above", 2.0) for value in (3.0, 1.0))
    assert judge(of(), rules=saying("r", found(evidence=(true, false)))).findings[0].evidence == (true,)
    assert [n.code for n in judge(of(), rules=saying("r", found(evidence=(false,)))).not_checked] == ["rule-failed"]
    with pytest.raises(ValueError, match="evidence that holds"):
        judge(of(), rules=saying("r", found(evidence=(true, false))), strict=True)


@pytest.mark.parametrize("entry", ["dead", "made"])
def test_ignored_rules_are_listed(entry: str) -> None:
    settings = Settings(ignore=(entry,), origin={f"ignore:{entry}": "pyproject.toml"})
    diagnosis = judge(of(), rules=saying("dead", found()), settings=settings)
    assert diagnosis.findings == () and diagnosis.suppressed == ({"rule": "dead", "by": "pyproject.toml"},)


@pytest.mark.parametrize("pattern", ["encoder.0.weight", "encoder.0", "encoder", "enc*"])
def test_place_can_be_ignored(pattern: str) -> None:
    rules = saying("dead", found("encoder.0.weight"), found("head.weight"))
    diagnosis = judge(of(), rules=rules, settings=Settings(ignore=(f"dead:{pattern}",)))
    assert [f.places for f in diagnosis.findings] == [("head.weight",)]
    assert diagnosis.suppressed == ({"rule": "dead", "place": "encoder.0.weight", "by": "settings"},)


def test_place_of_another_module_is_not_ignored() -> None:
    settings = Settings(ignore=("dead:enc", "other:encoder"))
    assert judge(of(), rules=saying("dead", found("encoder.0")), settings=settings).findings


@pytest.mark.parametrize(("select", "rules"), [(("a",), ["a"]), (("made",), ["a", "b"]), (("a:net.9",), [])])
def test_only_the_selected_speak(select: tuple[str, ...], rules: list[str]) -> None:
    both = saying("a", found()) | saying("b", found()) | saying("c", found(), family="else")
    assert [f.rule for f in judge(of(), rules=both, settings=Settings(select=select)).findings] == rules


def test_thresholds_reach_the_rule_and_unknown_ones_are_refused() -> None:
    def check(training: Training, *, limit: float = 1.0) -> Iterator[Finding]:
        yield found(message=f"limit is {limit}")

    rules = {"r": Rule("r", "made", check, (), (), None)}
    settings = Settings({"r": {"limit": 7.5}})
    diagnosis = judge(of(), rules=rules, settings=settings)
    assert diagnosis.findings[0].message == "limit is 7.5"
    assert diagnosis.settings["thresholds"] == {"r": {"limit": 7.5}}
    with pytest.raises(UsageError, match=r"threshold of r \(limit\), found 'limti'"):
        judge(of(), rules=rules, settings=Settings({"r": {"limti": 7.5}}))


NAMES = ("a", "b", "c", "d", "e")
Make = Callable[[], dict[str, Rule]]


@st.composite
def webs(draw: st.DrawFn) -> dict[str, Rule]:
    """Rules with any relation between them, each saying something or not."""
    rules: dict[str, Rule] = {}
    for name in NAMES:
        begin = draw(st.none() | st.integers(0, 99))
        finding = found(
            name,
            severity=draw(st.sampled_from(SEVERITIES)),
            confidence=draw(st.sampled_from((0.5, 0.9))),
            steps=None if begin is None else (begin, draw(st.integers(begin, 99))),
        )
        symptoms = tuple(draw(st.sets(st.sampled_from(NAMES), max_size=3)) - {name})
        rules |= saying(name, *([finding] if draw(st.booleans()) else []), symptoms=tuple(sorted(symptoms)))
    return rules


@given(webs())
def test_any_web_of_relations_is_folded_soundly(rules: dict[str, Rule]) -> None:
    diagnosis = judge(of(), rules=rules)
    findings = diagnosis.findings
    assert [f.rank for f in findings] == list(range(1, len(findings) + 1))
    assert len({f.id for f in findings}) == len(findings)
    causes = {f.id: f for f in findings if not f.symptom_of}
    assert bool(causes) == bool(findings)
    for symptom in findings:
        for cause in symptom.symptom_of:
            assert SEVERITIES.index(causes[cause].severity) <= SEVERITIES.index(symptom.severity)
    assert judge(of(), rules=dict(reversed(rules.items()))).findings == findings  # whatever the order they ran in


def test_what_makes_a_training_worse_comes_before_what_makes_it_dear() -> None:
    rules = all_rules()
    names = ("data-loading-bottleneck", "too-little-data")
    said = {n: replace(rules[n], check=lambda training, c=c: iter([found(severity="warning", confidence=c)]), needs=(), kinds=None)
            for n, c in zip(names, (0.9, 0.6), strict=True)}  # fmt: skip
    assert [f.rule for f in judge(of(), rules=said).findings] == ["too-little-data", "data-loading-bottleneck"]
