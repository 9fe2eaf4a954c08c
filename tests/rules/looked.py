"""Explanations written by hand for the tests of the rules about attribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diagnose.explanation import ExplainedInput, Explanation, Intervention
from diagnose.finding import Finding
from diagnose.rules import all_rules
from diagnose.run import Training

TABLE = ExplainedInput("net:0", "tabular", (8,), "float32", "the mean", tuple(f"f{i}" for i in range(8)))
IMAGE = ExplainedInput("net:0", "image", (28, 28), "float32", "the background")
TEXT = ExplainedInput("net:0", "tokens", (20,), "int64", "the padding symbol 0")
CORNER, FEATURE, PADDING, MOVING = "net:0[0:7,0:7]", "net:0[3]", "net:0 padding", "net:0 moving"
BEST, CHANCE = 0.9, 0.1  # share right of the network and of a constant answer: what is learnt is 0.8 wide


def exchanged(
    what: str, place: str, left: float, *, change: float = 0.5, loss: float = 1.0, best: float = BEST, **details: Any
) -> Intervention:
    """An exchange after which `left` of what was learnt remains."""
    return Intervention(what, place, loss, CHANCE + left * (best - CHANCE), change, 0.01, 0.0625, 0.5, details)


def explanation(*interventions: Intervention, inputs: Sequence[ExplainedInput] = (IMAGE,), **change: Any) -> Explanation:
    """Of a classifier that is right nine times in ten."""
    given: dict[str, Any] = {
        "method": "integrated-gradients", "task": "classification", "inputs": tuple(inputs), "interventions": interventions,
        "loss": 0.3, "accuracy": BEST, "chance": 2.3, "chance_accuracy": CHANCE, "count": 256,
    } | change  # fmt: skip
    return Explanation("net", **given)


def found(rule: str, *explanations: Explanation, **thresholds: Any) -> list[Finding]:
    """What a rule says; each finding must be whole."""
    findings = list(all_rules()[rule](Training(explanations=explanations), **thresholds))
    for finding in findings:
        assert finding.evidence and all(evidence.holds() for evidence in finding.evidence)
        assert finding.fix and finding.places and "\n" not in finding.message and not finding.message.endswith(".")
    return findings
