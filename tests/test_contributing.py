"""The worked examples of CONTRIBUTING.md work."""

import re
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from diagnose.finding import Finding
from diagnose.observe.probes import Probe, per_parameter, probe
from diagnose.rules import Rule
from diagnose.run import Parameter, Series, Training

EXAMPLES = re.findall(r"```python\n(.*?)```", (Path(__file__).parent.parent / "CONTRIBUTING.md").read_text(), re.DOTALL)


def example(beginning: str) -> str:
    (found,) = [text for text in EXAMPLES if beginning in text]
    return found


@pytest.fixture
def rule(monkeypatch: pytest.MonkeyPatch) -> Rule:
    module = types.ModuleType("diagnose.rules.gradients.faint_gradients")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(example("@rule"), module.__dict__)
    return module.faint_gradients


def judged(rule: Rule, gradient: float) -> list[Finding]:
    steps = np.arange(10)
    series = {
        (quantity, "net.weight"): Series(quantity, "net.weight", steps, np.full(10, value))
        for quantity, value in (("gradient_norm", gradient), ("weight_norm", 2.0))
    }
    parameters = [Parameter("net.weight", "net", (4, 4), 16)]
    return list(rule(Training(parameters=parameters, series=series)))


def test_the_rule_is_one(rule: Rule) -> None:
    assert (rule.name, rule.family, rule.title) == (
        "faint-gradients", "gradients", "A parameter's gradient is nothing beside its weights."
    )  # fmt: skip


def test_the_rule_speaks_under_its_threshold_alone(rule: Rule) -> None:
    assert judged(rule, 1e-6) == []
    (finding,) = judged(rule, 1e-9)
    assert finding.places == ("net.weight",) and "5.0e-10" in finding.message


def test_the_probe_is_one() -> None:
    import torch

    names = {"probe": probe, "per_parameter": per_parameter, "Tensor": torch.Tensor, "__name__": "largest"}
    exec(example("@probe"), names)
    made = names["largest"]
    assert isinstance(made, Probe) and list(made.quantities) == ["gradient_max"]
    assert made([torch.tensor([[1.0, -3.0]])])["gradient_max"] == [torch.tensor(3.0)]


def test_the_demo_s_line_is_the_demo_s() -> None:
    demo = (Path(__file__).parent.parent / "demos/feedforward.py").read_text()
    assert all(line.strip() in demo for line in example("FAULT").splitlines())
