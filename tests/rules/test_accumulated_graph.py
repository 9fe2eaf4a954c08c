"""accumulated-graph: a backward that slows down, or memory that grows with an evaluation that keeps gradients."""

import numpy as np
import pytest
from hand_built import evaluation, found, line, training

RULE = "accumulated-graph"
MB = 2.0**20
FLAT = {"backward_seconds": np.full(400, 0.01), "memory_bytes": 300 * MB}
GROWING = FLAT | {"memory_bytes": line(300 * MB, 900 * MB, 40)}


def test_a_backward_through_all_earlier_steps_is_an_error() -> None:
    (finding,) = found(RULE, training((), FLAT | {"backward_seconds": line(0.001, 0.1)}))
    assert finding.severity == "error" and "backward took" in finding.message


@pytest.mark.parametrize(("end", "speaks"), [(0.01, False), (0.05, False), (0.15, True)])
def test_two_and_a_half_times_as_slow_is_the_limit(end, speaks) -> None:
    assert bool(found(RULE, training((), FLAT | {"backward_seconds": line(0.01, end)}))) is speaks


def test_noise_is_no_slowing_down() -> None:
    times = 0.01 * np.random.default_rng(0).lognormal(0, 1, 400)
    assert not found(RULE, training((), FLAT | {"backward_seconds": times}))


def test_memory_that_grows_with_an_evaluation_under_gradients_is_an_error() -> None:
    (finding,) = found(RULE, training((), GROWING, evaluations=[evaluation(grad_enabled=True)]))
    assert finding.severity == "error" and "val" in finding.message and "5 times" in finding.message


def test_each_alone_is_not() -> None:
    assert not found(RULE, training((), GROWING, evaluations=[evaluation(grad_enabled=False)]))
    assert not found(RULE, training((), GROWING))
    assert not found(RULE, training((), FLAT, evaluations=[evaluation(grad_enabled=True)]))
