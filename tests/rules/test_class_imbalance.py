"""class-imbalance: rare classes that the network does not answer with."""

import numpy as np
import pytest
from hand_built import evaluation, found, site, training

RULE = "class-imbalance"
BINARY = site("binary_cross_entropy_with_logits", "addmm", input_shape=(32, 1), target_shape=(32, 1))


def counts(*each):
    return np.tile(np.array(each, dtype=float), (40, 1))


def test_answering_the_majority_is_a_warning_with_the_weights() -> None:
    (finding,) = found(RULE, training(BINARY, {"class_count": counts(97, 3), "loss_accuracy": 0.97}))
    assert finding.severity == "warning" and "97.0%" in finding.message
    assert finding.fix is not None and finding.fix.code == "nn.BCEWithLogitsLoss(pos_weight=torch.tensor(32.3))"


def test_several_classes_get_a_weight_each() -> None:
    (finding,) = found(
        RULE, training(site("cross_entropy", "addmm"), {"class_count": counts(90, 8, 2), "loss_accuracy": 0.9})
    )
    assert (
        finding.fix is not None and finding.fix.code == "nn.CrossEntropyLoss(weight=torch.tensor([0.37, 4.17, 16.7]))"
    )


@pytest.mark.parametrize(
    ("accuracy", "severity"), [(0.93, "warning"), (0.936, "warning"), (0.938, "note"), (0.99, "note")]
)
def test_better_than_the_majority_is_a_note(accuracy, severity) -> None:
    (finding,) = found(RULE, training(BINARY, {"class_count": counts(93, 7), "loss_accuracy": accuracy}))
    assert finding.severity == severity


@pytest.mark.parametrize(("rare", "speaks"), [(8.4, False), (8.3, True)])
def test_twelve_to_one_is_the_limit(rare, speaks) -> None:
    assert bool(found(RULE, training(BINARY, {"class_count": counts(100, rare), "loss_accuracy": 0.9}))) is speaks


def test_weighted_losses_other_kinds_and_few_labels_are_left_alone() -> None:
    given = {"class_count": counts(97, 3), "loss_accuracy": 0.97}
    weighted = site("binary_cross_entropy_with_logits", "addmm", arguments={"pos_weight": "given"})
    assert not found(RULE, training(weighted, given))
    assert not found(RULE, training(BINARY, given, kind="language"))
    assert not found(RULE, training(BINARY, {"class_count": counts(4.5, 0.2), "loss_accuracy": 0.97}))


def test_accuracy_and_majority_are_compared_on_the_same_batches() -> None:
    """Of a network that always answers the common class both are equal, however lucky the sample."""
    rare = np.r_[np.full(20, 2.0), np.zeros(10), np.full(10, 4.0)]
    labels = np.stack([100 - rare, rare], axis=1)
    (finding,) = found(RULE, training(BINARY, {"class_count": labels, "loss_accuracy": 1 - rare / 100}))
    assert finding.severity == "warning"


def test_an_end_that_was_not_seen_says_nothing_of_accuracy() -> None:
    unseen = np.r_[np.full(10, 0.97), np.full(30, np.nan)]
    (finding,) = found(RULE, training(BINARY, {"class_count": counts(97, 3), "loss_accuracy": unseen}))
    assert finding.severity == "note"


@pytest.mark.parametrize(("accuracy", "severity"), [(0.971, "warning"), (0.99, "note")])
def test_held_out_data_tell_where_the_end_of_the_training_was_not_seen(accuracy, severity) -> None:
    unseen = np.r_[np.full(10, 0.97), np.full(30, np.nan)]
    held = evaluation(loss=np.linspace(0.5, 0.1, 12), accuracy=np.full(12, accuracy), site=BINARY)
    given = {"class_count": counts(97, 3), "loss_accuracy": unseen}
    (finding,) = found(RULE, training(BINARY, given, evaluations=[held]))
    assert finding.severity == severity


@pytest.mark.parametrize(
    ("common", "right", "severity"),
    [(97, 0.984, "warning"), (97, 0.987, "note"), (94, 0.969, "note"), (94, 0.94, "warning")],
)
def test_half_of_what_is_very_rare_must_be_found(common, right, severity) -> None:
    given = {"class_count": counts(common, 100 - common), "loss_accuracy": right}
    (finding,) = found(RULE, training(BINARY, given))
    assert finding.severity == severity


@pytest.mark.parametrize(
    ("shape", "accuracy", "severity"),
    [
        ((8, 1, 32, 32), 0.981, "warning"),
        ((8, 1, 32, 32), 0.988, "warning"),  # under half of the rare pixels
        ((8, 1, 32, 32), 0.995, "note"),
        ((32, 20), 0.981, "warning"),
        ((32, 20), 0.988, "note"),  # of many tags half may be out of reach
    ],
)
def test_pixels_and_tags_are_counted_by_their_mean(shape, accuracy, severity) -> None:
    numbers = {"loss_target_mean": 0.02, "loss_target_integer_share": 1.0, "loss_accuracy": accuracy}
    dense = site("binary_cross_entropy_with_logits", "convolution", input_shape=shape, target_shape=shape)
    (finding,) = found(RULE, training(dense, numbers))
    assert finding.severity == severity and "98.0%" in finding.message


def test_soft_targets_are_no_classes() -> None:
    numbers = {"loss_target_mean": 0.02, "loss_target_integer_share": 0.4, "loss_accuracy": 0.98}
    dense = site("binary_cross_entropy_with_logits", "convolution", input_shape=(8, 1, 32, 32), target_shape=(8, 1, 32, 32))
    assert not found(RULE, training(dense, numbers))


@pytest.mark.parametrize(
    ("right", "rare", "severity"),
    [((90, 6, 0.9), 2.0, "warning"), ((90, 6, 1.1), 2.0, "note"), ((90, 6, 0.9), 5.0, "note"), ((90, 6, 0.2), 0.5, "note")],
)
def test_a_rare_class_that_is_let_go_while_another_is_learnt(right, rare, severity) -> None:
    """More than half of it, where the commonest is twenty times as frequent and thirty samples or more were seen late."""
    numbers = {"class_count": counts(92, 6, rare), "class_right": counts(*right), "loss_accuracy": 0.98}
    (finding,) = found(RULE, training(site("cross_entropy", "addmm"), numbers))
    assert finding.severity == severity
    assert severity == "note" or "of class 2 45% are told right" in finding.message


def test_many_classes_of_which_none_is_most_of_all_are_a_note() -> None:
    """Bins of a quantity, say: to answer the commonest is no way to a high accuracy."""
    shares = np.r_[6.0, np.full(30, 3.0), 0.2]
    (finding,) = found(RULE, training(site("cross_entropy", "addmm"), {"class_count": counts(*shares), "loss_accuracy": 0.2}))
    assert finding.severity == "note"
