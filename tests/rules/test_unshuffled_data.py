"""unshuffled-data: the order of labels and targets within and between batches."""

from dataclasses import replace

import numpy as np
import pytest
from hand_built import evaluation, found, layer, site, training

from diagnose.rules import signs

RULE = "unshuffled-data"
LOSS = site("cross_entropy", "addmm")
EVEN = np.full((40, 10), 3.2)


def given(repeats, counts=None):
    """Batches of 32 labels of ten classes, as pure as their neighbours are alike: each has one class more often than the others."""
    if counts is None:
        alike = np.clip(np.broadcast_to(repeats, 40), 0.1, 1.0)
        main = (1 + 3 * np.sqrt(10 * alike - 1)) / 10
        shares = np.tile(((1 - main) / 9)[:, None], (1, 10))
        shares[np.arange(40), np.arange(40) % 10] = main
        counts = 32 * shares
    return {"label_repeat_share": repeats, "class_count": counts, "samples": 32.0}


def loader(shuffle):
    return {"data": {"loader": {"batch_size": 32, "shuffle": shuffle, "dataset": "train_set"}}}


def test_sorted_labels_are_an_error() -> None:
    (finding,) = found(RULE, training(LOSS, given(1.0), facts=loader(False)))
    assert finding.severity == "error" and "100% of neighbours" in finding.message and "10%" in finding.message
    assert finding.fix is not None and finding.fix.code == "DataLoader(train_set, batch_size=32, shuffle=True)"


@pytest.mark.parametrize(("repeats", "speaks"), [(0.1, False), (0.32, False), (0.33, True)])
def test_a_quarter_of_the_way_is_the_limit(repeats, speaks) -> None:
    assert bool(found(RULE, training(LOSS, given(repeats)))) is speaks


def test_one_sorted_batch_is_chance() -> None:
    repeats = np.full(40, 0.1)
    repeats[5] = 1.0
    assert not found(RULE, training(LOSS, given(repeats)))


def test_a_rare_class_repeats_the_common_one_anyway() -> None:
    assert not found(RULE, training(LOSS, given(0.95, np.tile([30.4, 1.6], (40, 1)))))


def test_the_order_within_a_batch_does_no_harm() -> None:
    assert not found(RULE, training(LOSS, given(0.9, EVEN)))  # two halves put together, one of each kind


def test_a_shuffling_loader_and_ordered_kinds_are_left_alone() -> None:
    assert not found(RULE, training(LOSS, given(1.0), facts=loader(True)))
    for kind in ("language", "segmentation", "reinforcement", "gan"):
        assert not found(RULE, training(LOSS, given(1.0), kind=kind))


@pytest.mark.parametrize(("repeats", "speaks"), [(0.6, False), (0.9, False), (0.92, True)])
def test_of_sequences_only_sorted_labels_are_reported(repeats, speaks) -> None:
    assert bool(found(RULE, training(LOSS, given(repeats), layers=[layer("net.rnn", "recurrent", "LSTM")]))) is speaks


def test_labels_that_are_not_one_a_sample_are_left_alone() -> None:
    words = site("cross_entropy", "addmm", input_shape=(320, 10), target_shape=(320,))
    assert not found(RULE, training(words, given(1.0)))


def test_small_batches_and_few_snapshots_say_nothing() -> None:
    small = site("cross_entropy", "addmm", input_shape=(4, 10), target_shape=(4,))
    assert not found(RULE, training(small, given(1.0) | {"samples": 4.0}))
    assert not found(RULE, training(LOSS, given(np.ones(4), np.eye(10)[:4] * 32)))


QUANTITY = site("mse_loss", "addmm", input_shape=(32, 1), target_shape=(32, 1))


def test_sorted_targets_are_an_error() -> None:
    sorted_means = {"loss_target_mean": np.tile(np.linspace(-1.7, 1.7, 10), 4), "loss_target_std": 0.1, "samples": 32.0}
    (finding,) = found(RULE, training(QUANTITY, sorted_means, kind="regression"))
    assert finding.severity == "error" and "random batches of 32" in finding.message


def test_random_batches_of_quantities_are_fine() -> None:
    for seed in range(20):
        means = np.random.default_rng(seed).normal(0, 1 / 32**0.5, 40)
        assert not found(
            RULE,
            training(QUANTITY, {"loss_target_mean": means, "loss_target_std": 1.0, "samples": 32.0}, kind="regression"),
        )


def test_the_whole_set_in_one_batch_has_no_order() -> None:
    assert not found(
        RULE, training(QUANTITY, {"loss_target_mean": 0.3, "loss_target_std": 1.0, "samples": 32.0}, kind="regression")
    )


@pytest.mark.parametrize(("end", "speaks"), [(0.1, False), (0.45, False), (0.6, True), (2.0, True)])
def test_windows_of_a_series_in_order_do_no_harm_where_later_ones_are_guessed(end, speaks) -> None:
    numbers = {"loss_target_mean": np.tile(np.linspace(-1.7, 1.7, 10), 4), "loss_target_std": 0.1, "samples": 32.0}
    numbers |= {"loss_input_mean": 0.0, "training_loss": 0.5}
    chance = signs.chance_loss(training(QUANTITY, numbers, kind="regression"), QUANTITY)
    assert chance > 0
    held = evaluation(loss=np.r_[np.linspace(1.5, end, 7), end, end] * chance, site=replace(QUANTITY, role="evaluation"))
    assert bool(found(RULE, training(QUANTITY, numbers, kind="regression", evaluations=[held]))) is speaks


@pytest.mark.parametrize(("end", "speaks"), [(0.8, False), (1.0, True)])
def test_quantities_of_sequences_in_order_are_reported_where_nothing_is_learnt(end, speaks) -> None:
    numbers = {"loss_target_mean": np.tile(np.linspace(-1.7, 1.7, 10), 4), "loss_target_std": 0.1, "samples": 32.0}
    numbers |= {"loss_input_mean": 0.0, "training_loss": 0.5}
    chance = signs.chance_loss(training(QUANTITY, numbers, kind="regression"), QUANTITY)
    held = evaluation(loss=np.full(5, end * chance), site=replace(QUANTITY, role="evaluation"))
    layers = [layer("net.rnn", "recurrent", "LSTM")]
    assert bool(found(RULE, training(QUANTITY, numbers, kind="regression", evaluations=[held], layers=layers))) is speaks
