"""too-little-data: few samples, learnt by heart, and a validation that was never good."""

import numpy as np
import pytest
from hand_built import evaluation, found, line, site, training

from diagnose.run import InputSite

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


BATCH = {"dataset_size": 2400, "batch_size": 48, "sampler": "RandomSampler"}


def drawn_once(*, size=2400, same=1.0, different=48, rows=48, means=2.1, end=0.001, held=600.0, passes=(1.5, 0.9, 0.8, 0.85), **change):
    """A training whose every step is on one batch of a loader."""
    facts = {
        "data": {"loader": {**BATCH, "dataset_size": size, **change.pop("loader", {})}},
        "train_samples": different,
        "train_same": same,
    }
    numbers = {
        "class_count": EVEN, "training_loss": line(GUESS, end), "loss": line(GUESS, end), "samples": np.full(400, 48.0),
        "loss_target_mean": means,
    }  # fmt: skip
    held_out = evaluation(loss=passes, samples=np.full(len(passes), held), **change.pop("evaluated", {}))
    given = training(LOSS, numbers, inputs={"input_mean": 0.0}, evaluations=[held_out], facts=facts, **change)
    given.inputs = (InputSite("net:0", "net", (rows, 8), "float32"),)
    return given


def test_one_batch_at_every_step_though_the_loader_has_more_is_an_error() -> None:
    (finding,) = found(RULE, drawn_once())
    assert finding.severity == "error"
    assert "all 400 steps" in finding.message and "same 48 samples" in finding.message and "2400" in finding.message
    assert "drawn once" in finding.message and finding.fix is not None and "in loader" in (finding.fix.code or "")
    (finding,) = found(RULE, drawn_once(epochs=tuple(range(400))))
    assert "first batch of a new pass" in finding.message


@pytest.mark.parametrize("sound", [
    {"size": 48},  # that batch is all there is
    {"size": 90},  # or all that is left once the rest of a batch was dropped
    {"same": 0.98},  # the steps differ
    {"different": 400},
    {"different": 1},  # every sample is the same: something else is wrong
    {"rows": 64},  # it is another set's loader
    {"size": 600},  # it is the held-out set's loader
    {"means": np.linspace(1.9, 2.1, 40)},  # the same inputs, other targets
    {"loader": {"sampler": "SubsetRandomSampler"}},  # a part is meant
    {"ranks": 2},  # each process has its part
    {"end": 1.0, "passes": (1.5, 1.1, 1.1, 1.1)},  # the held-out loss is no worse
    {"evaluated": {"same_data": 1.0}},  # nothing is held out: can the network learn one batch at all?
], ids=str)  # fmt: skip
def test_training_on_a_fixed_set_is_sound(sound) -> None:
    assert not found(RULE, drawn_once(**{"passes": (1.5, 0.9, 0.6, 0.6)} | sound))
    assert found(RULE, drawn_once(passes=(1.5, 0.9, 0.6, 0.6)))


def turned_round(*, total=600, held=6000.0, end=0.9, passes=(2.3, 1.7, 1.4, 1.5, 1.5), rows=32, **change):
    """More held-out than training samples."""
    numbers = {"class_count": EVEN, "training_loss": line(GUESS, end), "loss": line(GUESS, end), "samples": np.full(400, 32.0)}
    numbers["training_loss"][300:] = end
    held_out = evaluation(loss=passes, samples=np.full(len(passes), held), **change)
    given = training(LOSS, numbers, inputs={"input_mean": 0.0}, evaluations=[held_out], facts={"train_samples": total})
    given.inputs = (InputSite("net:0", "net", (rows, 8), "float32"),)
    return given


def test_a_split_that_was_turned_round_is_a_warning() -> None:
    (finding,) = found(RULE, turned_round())
    assert finding.severity == "warning"
    assert "600 training samples" in finding.message and "there are 6000" in finding.message and "turned round" in finding.message


@pytest.mark.parametrize(("change", "speaks"), [
    ({"held": 4800.0}, True), ({"held": 4700.0}, False),
    ({"passes": (2.3, 1.7, 1.16, 1.16, 1.16)}, True), ({"passes": (2.3, 1.7, 1.1, 1.1, 1.1), "end": 0.9}, False),  # half of a guess's
    ({"end": 1.3}, False),  # no worse than the training
    ({"rows": 64}, False),  # the loss is of some of what is given: nodes of a graph
    ({"rows": 8}, False),  # of sequences of four, each counted: 1500
    ({"same_data": 0.9}, False),
], ids=str)  # fmt: skip
def test_it_takes_eight_times_as_many_and_a_clearly_worse_loss(change, speaks) -> None:
    assert bool(found(RULE, turned_round(**change))) is speaks
