"""rank-straggler: one rank works longer before each exchange of gradients."""

import numpy as np
import pytest
from hand_built import found, training

from diagnose.run import Training

RULE = "rank-straggler"


def job(lag, seconds=0.1, steps=400) -> Training:
    lags = {f"rank {i}": np.resize(np.asarray(value, float), steps) for i, value in enumerate(lag)}
    numbers = {("rank_lag", place): values for place, values in lags.items()}
    return training((), {"seconds": np.full(steps, seconds), **numbers}, steps=steps, ranks=len(lag))


def test_a_slow_rank_is_a_warning_with_the_time_that_was_lost() -> None:
    (finding,) = found(RULE, job([0.0, -0.01, 0.4]))
    assert finding.severity == "warning" and finding.places == ("rank 2",)
    assert "rank 2 works 40% of a step longer than the others in 100% of the steps" in finding.message
    assert "waited 16.0 s" in finding.message and finding.evidence[0].place == "rank 2"


@pytest.mark.parametrize(("lag", "speaks"), [(0.1, False), (0.11, True)])
def test_a_tenth_of_the_step_is_the_limit(lag, speaks) -> None:
    assert bool(found(RULE, job([-lag, lag]))) is speaks


@pytest.mark.parametrize(("slow", "speaks"), [(3, True), (2, False)])
def test_it_is_the_same_rank_in_three_of_four_steps(slow, speaks) -> None:
    lag = [0.4] * slow + [-0.3] * (4 - slow)
    assert bool(found(RULE, job([np.negative(lag), lag]))) is speaks


def test_ranks_that_take_turns_are_healthy() -> None:
    assert not found(RULE, job([[0.4, -0.4], [-0.4, 0.4]]))


@pytest.mark.parametrize(("seconds", "speaks"), [(0.006, False), (0.007, True)])
def test_what_costs_less_than_a_second_costs_nobody_anything(seconds, speaks) -> None:
    assert bool(found(RULE, job([-0.4, 0.4], seconds=seconds))) is speaks


@pytest.mark.parametrize(("steps", "speaks"), [(19, False), (20, True)])
def test_a_few_steps_tell_nothing(steps, speaks) -> None:
    assert bool(found(RULE, job([-0.4, 0.4], seconds=1.0, steps=steps))) is speaks


def test_the_slowest_is_named() -> None:
    (finding,) = found(RULE, job([0.3, 0.6, 0.0, 0.0]))
    assert finding.places == ("rank 1",)
