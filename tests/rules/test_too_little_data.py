"""too-little-data: few samples, learnt by heart, and a validation that was never good."""

import numpy as np
import pytest
from hand_built import evaluation, found, line, site, training

RULE = "too-little-data"
LOSS = site("cross_entropy", "addmm")
GUESS = float(np.log(10))
EVEN = np.full((40, 10), 3.2)


def recorded(size, *, validation=(2.3, 1.5, 1.2, 1.3, 1.6), end=0.01, starts=(), **change):
    facts = {"data": {"loader": {"dataset_size": size}}} if size else {}
    numbers = {
        "class_count": EVEN,
        "training_loss": line(GUESS, end),
        "loss": line(GUESS, end),
        "samples": np.full(400, 32.0),
    }
    return training(LOSS, numbers, evaluations=[evaluation(loss=validation)], facts=facts, epochs=starts, **change)


def test_few_samples_learnt_by_heart_are_a_warning() -> None:
    (finding,) = found(RULE, recorded(60, end=0.0))
    assert finding.severity == "warning" and "60 training samples" in finding.message and "1.2" in finding.message


@pytest.mark.parametrize(("size", "speaks"), [(199, True), (200, False)])
def test_twenty_a_class_are_the_limit(size, speaks) -> None:
    assert bool(found(RULE, recorded(size, end=0.0))) is speaks


def test_a_validation_that_once_was_good_is_overfitting() -> None:
    assert not found(RULE, recorded(60, end=0.0, validation=(2.3, 1.0, 0.4, 0.8, 1.2)))


def test_a_network_that_has_not_learnt_its_samples_is_something_else() -> None:
    assert not found(RULE, recorded(150, end=1.5))


def test_a_handful_is_too_few_whatever_was_fitted() -> None:
    assert found(RULE, recorded(60, end=1.5))
    assert not found(RULE, recorded(60, end=1.5, validation=(2.3, 1.5, 1.1, 1.1, 1.1)))


def test_the_size_may_come_from_the_steps_of_an_epoch() -> None:
    assert found(RULE, recorded(None, end=0.0, starts=range(0, 400, 2)))
    assert not found(RULE, recorded(None, end=0.0, starts=range(0, 400, 20)))
    assert not found(RULE, recorded(None, end=0.0))


def test_or_from_the_different_samples_seen() -> None:
    for different, speaks in ((60, True), (600, False)):
        given = recorded(None, end=0.0)
        given.facts = {"train_samples": different}
        assert bool(found(RULE, given)) is speaks


def test_an_evaluation_on_the_training_samples_is_no_validation() -> None:
    given = recorded(60, end=0.0)
    given.evaluations = (evaluation(loss=(2.3, 1.5, 1.2, 1.3, 1.6), same_data=1.0),)
    assert not found(RULE, given)


@pytest.mark.parametrize(("end", "validation", "speaks"), [
    (0.8, (2.3, 2.0, 1.9, 2.1, 2.2), True),
    (1.2, (2.3, 2.0, 1.9, 2.1, 2.2), False),  # the samples themselves are not learnt
    (0.8, (2.3, 1.6, 1.1, 1.6, 1.8), False),  # once it was good
    (0.8, (2.3, 1.5, 1.3, 1.4, 1.4), False),  # and is not far behind
])  # fmt: skip
def test_half_learnt_samples_and_a_validation_that_was_never_half_good(end, validation, speaks) -> None:
    assert bool(found(RULE, recorded(150, end=end, validation=validation))) is speaks
