"""data-loading-bottleneck: the share of the time spent waiting for batches."""

import numpy as np
import pytest
from hand_built import found, training

RULE = "data-loading-bottleneck"
FACTS = {"data": {"loader": {"batch_size": 32, "workers": 0, "dataset": "train_set"}}}


def judged(data, rest, evaluated=0.0, steps=400, facts=FACTS):
    numbers = {
        "data_seconds": np.full(steps, data), "seconds": np.full(steps, data + rest + evaluated),
        "evaluation_seconds": np.full(steps, evaluated),
    }  # fmt: skip
    return found(RULE, training((), numbers, facts=facts, steps=steps))


def test_waiting_for_data_is_a_warning_with_more_workers_as_the_cure() -> None:
    (finding,) = judged(0.05, 0.02)
    assert finding.severity == "warning" and "71%" in finding.message and "50 ms a step" in finding.message
    assert "with 0 workers" in finding.message and finding.fix is not None
    assert finding.fix.code == "DataLoader(train_set, batch_size=32, num_workers=4, persistent_workers=True)"


@pytest.mark.parametrize(("rest", "speaks"), [(0.08, False), (0.07, True)])
def test_two_fifths_are_the_limit(rest, speaks) -> None:
    assert bool(judged(0.05, rest)) is speaks


@pytest.mark.parametrize(("workers", "slowdown", "rest", "speaks"), [
    (2, 1.0, 0.07, True), (2, 2.0, 0.07, False), (2, 2.0, 0.01, True), (2, 9.0, 0.004, True), (0, 3.0, 0.07, True),
])  # fmt: skip
def test_on_a_busy_machine_the_workers_wait_for_their_turns_too(workers, slowdown, rest, speaks) -> None:
    facts = {"data": {"loader": {"batch_size": 32, "workers": workers, "dataset": "train_set"}}, "slowdown": slowdown}
    assert bool(judged(0.05, rest, facts=facts)) is speaks


@pytest.mark.parametrize(("slowdown", "data", "speaks"), [
    (1.0, 0.003, True), (1.5, 0.003, False), (2.0, 0.0055, True), (6.0, 0.007, False), (6.0, 0.008, True),
])  # fmt: skip
def test_a_wait_on_a_busy_machine_is_a_shorter_one(slowdown, data, speaks) -> None:
    facts = {"data": {"loader": {"batch_size": 32, "workers": 0, "dataset": "train_set"}}, "slowdown": slowdown}
    assert bool(judged(data, 0.001, steps=2000, facts=facts)) is speaks


def test_time_in_evaluation_is_not_training() -> None:
    assert judged(0.05, 0.02, 0.5)


def test_what_costs_nobody_anything_is_fine() -> None:
    assert not judged(0.0024, 0.001)
    assert not judged(0.05, 0.02, steps=19)


def test_what_starting_takes_is_not_training() -> None:
    numbers = {"data_seconds": np.full(400, 0.05), "seconds": np.full(400, 0.07)}
    numbers["seconds"][0] = 60.0  # reading the data, building the network
    (finding,) = found(RULE, training((), numbers, facts=FACTS, steps=400))
    assert "71%" in finding.message


@pytest.mark.parametrize(("batch", "workers", "speaks"), [(32, 0, True), (200, 0, False), (None, 0, True), (200, 2, True)])
def test_many_samples_may_take_their_time(batch, workers, speaks) -> None:
    """4 ms are 125 microseconds for each of 32 samples, 20 for each of 200: no slow sample."""
    facts = {"data": {"loader": {"batch_size": batch, "workers": workers, "dataset": "train_set"}}}
    assert bool(judged(0.004, 0.001, facts=facts)) is speaks
