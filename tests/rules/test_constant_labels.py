"""constant-labels: one label for all, by counting."""

import numpy as np
import pytest
from hand_built import found, site, training

RULE = "constant-labels"


def counts(*each, snapshots=40):
    return np.tile(np.array(each, dtype=float), (snapshots, 1))


def test_one_class_alone_is_an_error() -> None:
    (finding,) = found(RULE, training(site("cross_entropy", "addmm"), {"class_count": counts(32, *[0] * 9)}))
    assert (
        finding.severity == "error" and "all 1280 labels" in finding.message and "tells 10 classes" in finding.message
    )


def test_a_handful_of_others_does_not_save_it() -> None:
    given = counts(32, *[0] * 9)
    given[3] = [31, 1, *[0] * 8]
    assert found(RULE, training(site("cross_entropy", "addmm"), {"class_count": given}))


@pytest.mark.parametrize(("others", "speaks"), [(9, True), (11, False)])
def test_a_hundredth_is_the_limit_for_three_or_more_classes(others, speaks) -> None:
    given = {"class_count": counts(1000 - others, others, 0)}
    assert bool(found(RULE, training(site("cross_entropy", "addmm", input_shape=(32, 3)), given))) is speaks


def test_a_rare_positive_of_two_is_imbalance() -> None:
    for function, shape in (("cross_entropy", (32, 2)), ("binary_cross_entropy_with_logits", (32, 1))):
        assert not found(RULE, training(site(function, "addmm", input_shape=shape), {"class_count": counts(999, 1)}))
        assert found(RULE, training(site(function, "addmm", input_shape=shape), {"class_count": counts(1000, 0)}))


@pytest.mark.parametrize(("snapshots", "speaks"), [(6, False), (7, True)])
def test_two_hundred_labels_are_needed(snapshots, speaks) -> None:
    given = {"class_count": counts(32, 0, 0, snapshots=snapshots)}
    assert bool(found(RULE, training(site("cross_entropy", "addmm", input_shape=(32, 3)), given))) is speaks


@pytest.mark.parametrize("kind", ["gan", "reinforcement", "contrastive", "language"])
def test_kinds_with_one_label_by_nature_are_left_alone(kind) -> None:
    assert not found(RULE, training(site("cross_entropy", "addmm"), {"class_count": counts(32, *[0] * 9)}, kind=kind))


@pytest.mark.parametrize(("snapshots", "others", "speaks"), [(20, 0, True), (19, 0, False), (40, 1, False)])
def test_pixels_are_all_of_one_class_where_no_other_ever_shows(snapshots, others, speaks) -> None:
    given = {"class_count": counts(6400 - others, others, 0, snapshots=snapshots)}
    loss = site("cross_entropy", "convolution", input_shape=(16, 3, 20, 20), target_shape=(16, 20, 20))
    assert bool(found(RULE, training(loss, given, kind="segmentation"))) is speaks


def test_real_against_fake_has_a_loss_for_each_label() -> None:
    real, fake = (site("binary_cross_entropy", "sigmoid", id=name, input_shape=(32, 1)) for name in ("real", "fake"))
    assert not found(RULE, training((real, fake), {("class_count", "real"): counts(0, 32)}, kind="unknown"))


def test_scores_against_others_have_the_right_one_first() -> None:
    loss = site("cross_entropy", "div", "mm", input_shape=(32, 65))
    assert not found(RULE, training(loss, {"class_count": counts(32, *[0] * 64)}, kind="unknown"))


QUANTITY = site("mse_loss", "addmm", input_shape=(32, 1), target_shape=(32, 1))


@pytest.mark.parametrize(
    ("value", "std", "speaks"), [(7.0, 0.0, True), (7.0, 0.1, False), (0.0, 0.0, False), (1.0, 0.0, False)]
)
def test_targets_that_never_differ(value, std, speaks) -> None:
    given = {"loss_target_mean": value, "loss_target_std": std}
    assert bool(found(RULE, training(QUANTITY, given, kind="regression"))) is speaks


def test_targets_that_differ_between_batches_are_no_constant() -> None:
    given = {"loss_target_mean": np.arange(40.0), "loss_target_std": 0.0}
    assert not found(RULE, training(QUANTITY, given, kind="regression"))


def test_balanced_labels_are_fine() -> None:
    assert not found(RULE, training(site("cross_entropy", "addmm"), {"class_count": counts(*[3] * 10)}))
