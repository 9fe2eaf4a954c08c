"""wasted-epochs: a validation loss that was there long before the end."""

import numpy as np
import pytest
from hand_built import evaluation, found, site, training

RULE = "wasted-epochs"


def judged(losses, **change):
    return found(RULE, training(evaluations=[evaluation(loss=losses, **change)]))


def early(done, passes=50):
    return np.r_[np.linspace(2.0, 0.5, done), np.full(passes - done, 0.5)]


def test_the_rest_is_noted_with_the_pass_that_was_enough() -> None:
    (finding,) = judged(early(10))
    assert finding.severity == "note" and "10 of 50 passes" in finding.message


@pytest.mark.parametrize(("done", "speaks"), [(15, True), (16, False), (50, False)])
def test_three_tenths_are_the_limit(done, speaks) -> None:
    assert bool(judged(early(done))) is speaks


def test_jitter_is_no_progress_and_progress_no_jitter() -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 50)
    assert judged(early(8) + noise)
    assert not judged(np.linspace(2.0, 0.5, 50) + noise)


def test_silent_on_few_passes_figures_of_the_training_and_losses_that_only_rise() -> None:
    assert not judged(early(2, 9))
    assert not judged(early(10), same_data=1.0)
    assert not judged(np.linspace(0.5, 2.0, 50))
    assert not judged(np.r_[early(10)[:-1], np.nan])


def test_many_idle_passes_of_a_still_training_loss_are_a_warning() -> None:
    for training_loss, severity in (([0.3, 0.3], "warning"), ([0.3, 0.1], "note")):
        falls = np.r_[np.linspace(2, training_loss[0], 100), np.linspace(*training_loss, 800)]
        recorded = training(
            site("cross_entropy", "addmm"), {"training_loss": falls}, evaluations=[evaluation(loss=early(8, 90))], steps=900
        )
        (finding,) = found(RULE, recorded)
        assert finding.severity == severity


@pytest.mark.parametrize(("rest", "severity"), [(69, "note"), (70, "warning")])
def test_how_many_passes_are_many(rest, severity) -> None:
    evaluations = [evaluation(loss=early(9, 9 + rest))]
    recorded = training(site("cross_entropy", "addmm"), {"training_loss": np.full(900, 0.3)}, evaluations=evaluations, steps=900)
    assert [f.severity for f in found(RULE, recorded)] == [severity]


def test_what_is_little_of_the_gain_may_be_much_of_what_is_left() -> None:
    assert not judged(np.r_[np.linspace(2.0, 0.012, 10), np.linspace(0.012, 0.003, 40)])


def test_passes_of_a_single_step_cost_next_to_nothing() -> None:
    losses = early(100, 400)
    run = training(site("cross_entropy", "addmm"), {"training_loss": 0.3, "loss": 0.3}, evaluations=[evaluation(loss=losses)], steps=400)
    assert [f.severity for f in found(RULE, run)] == ["note"]
