"""rank-divergence: how far the ranks' weights have drifted apart."""

import numpy as np
import pytest
from hand_built import found, site, training

from diagnose.run import Parameter, Training

RULE = "rank-divergence"
PATHS = ("net.0.weight", "net.0.bias", "net.2.weight", "net.2.bias")
PARAMETERS = [Parameter(path, path.rsplit(".", 1)[0], (4, 4), 16) for path in PATHS]
DRIFT = np.linspace(0, 0.1, 20)


def job(weights, gradients=0.5, losses=0.1, rates=0.0, **change) -> Training:
    """A training by two ranks; `weights` are the spreads of the first parameter, or of each by path."""
    spreads = weights if isinstance(weights, dict) else dict.fromkeys(PATHS, weights)
    numbers = {("weight_rank_spread", path): value for path, value in spreads.items()}
    numbers |= {("gradient_rank_spread", path): gradients for path in spreads}
    numbers |= {"learning_rate_rank_spread": np.full(400, rates)}
    if losses is not None:
        numbers["loss_rank_spread", None] = np.full(400, losses)
    given = {"parameters": PARAMETERS, "ranks": 2, **change}
    return training(site("cross_entropy", "addmm"), numbers, **given)


def test_ranks_that_drift_apart_are_an_error_that_tells_since_when() -> None:
    (finding,) = found(RULE, job(np.concatenate([np.zeros(10), np.linspace(0.01, 0.1, 10)])))
    assert finding.severity == "error" and finding.evidence[0].value == pytest.approx(0.1)
    assert "all parameters differ between the 2 ranks since step 210" in finding.message
    assert "nothing averages them" in finding.message and finding.places[0] in PATHS
    assert finding.fix is not None and "DistributedDataParallel" in (finding.fix.code or "")


@pytest.mark.parametrize(("spread", "speaks"), [(0.0, False), (0.9e-5, False), (1.1e-5, True)])
def test_the_limit_is_a_hundred_thousandth_of_the_norm(spread, speaks) -> None:
    assert bool(found(RULE, job(np.full(20, spread)))) is speaks


def test_what_came_together_again_is_no_fault() -> None:
    assert not found(RULE, job(np.concatenate([np.full(10, 0.1), np.zeros(10)])))


@pytest.mark.parametrize(("losses", "speaks"), [(0.9e-4, False), (1.1e-4, True), (None, True)])
def test_ranks_that_share_one_loss_hold_parts_of_one_model(losses, speaks) -> None:
    assert bool(found(RULE, job(DRIFT, losses=losses))) is speaks


def test_the_cause_is_told_apart() -> None:
    def said(**change):
        (finding,) = found(RULE, job(**change))
        return finding.message

    assert "they started from different weights" in said(weights=np.full(20, 0.1))
    assert "their gradients differ too (by 0.5)" in said(weights=DRIFT)
    assert "learning rates differ by up to 0.2" in said(weights=DRIFT, gradients=0.0, rates=0.2)
    assert "something else changes the weights of one rank" in said(weights=DRIFT, gradients=0.0)


@pytest.mark.parametrize(("apart", "severity"), [(4, "error"), (3, "warning"), (1, "warning")])
def test_where_only_some_differ_it_may_be_meant(apart, severity) -> None:
    spreads = {path: DRIFT if i < apart else np.zeros(20) for i, path in enumerate(PATHS)}
    (finding,) = found(RULE, job(spreads))
    assert finding.severity == severity and len(finding.places) == apart
    assert ("all parameters" in finding.message) is (apart == 4) and (finding.confidence > 0.9) is (apart == 4)
    if apart < 4:
        assert f"{apart} of 4 parameters" in finding.message
