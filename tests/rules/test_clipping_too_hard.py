import numpy as np
import pytest
from made import falling, findings, made

from diagnose.run import Optimizer

RULE = "clipping-too-hard"


def clipped(norm: object, limit: float = 1.0, **change: object):
    return made({("clip_norm", None): norm, ("clip_limit", None): limit}, **change)


@pytest.mark.parametrize(("norm", "loud"), [(9.0, False), (11.0, True), (0.5, False)])
def test_speaks_when_the_median_is_tenfold(norm: float, loud: bool) -> None:
    assert bool(findings(RULE, clipped(norm))) is loud


def test_rare_outliers_are_what_clipping_is_for() -> None:
    assert not findings(RULE, clipped(np.where(np.arange(200) % 5 == 0, 1e3, 0.5)))


@pytest.mark.parametrize(
    ("optimizer", "learns", "severity"), [("SGD", False, "error"), ("SGD", True, "note"), ("AdamW", False, "note")]
)
def test_loud_only_where_it_hurts(optimizer: str, learns: bool, severity: str) -> None:
    change = {"loss": falling()} if learns else {}
    (finding,) = findings(RULE, clipped(50.0, optimizers=[Optimizer(0, optimizer)], **change))
    assert finding.severity == severity


def test_limit_in_the_fix_is_the_runs_own() -> None:
    (finding,) = findings(RULE, clipped(np.linspace(20, 70, 200)))
    assert finding.fix and finding.fix.code and "65" in finding.fix.code
