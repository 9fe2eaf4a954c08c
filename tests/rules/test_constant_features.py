"""constant-features: columns that are the same in every sample."""

import numpy as np
import pytest
from hand_built import found, site, training

from diagnose.run import InputSite

RULE = "constant-features"
LOSS = site("cross_entropy", "addmm")


def inputs(std, mean, snapshots=40):
    return {
        "feature_std": np.tile(std, (snapshots, 1)),
        "feature_mean": np.tile(mean, (snapshots, 1)),
        "input_batch_std": float(np.max(std)),
    }


def test_a_constant_column_is_noted_by_its_number() -> None:
    (finding,) = found(RULE, training(LOSS, inputs=inputs([1, 0, 1, 1], [0, 7, 0, 0])))
    assert finding.severity == "note" and "columns 1 of net:0 (1 of 4)" in finding.message


def test_all_columns_constant_is_an_error() -> None:
    (finding,) = found(RULE, training(LOSS, inputs=inputs([0, 0, 0], [1, 2, 3])))
    assert finding.severity == "error" and "all 3 columns" in finding.message


def test_borders_of_zeros_are_usual_unless_they_are_most() -> None:
    assert not found(RULE, training(LOSS, inputs=inputs([0, 1, 1, 0], [0, 1, 1, 0])))
    assert found(RULE, training(LOSS, inputs=inputs([0, 0, 0, 1], [0, 0, 0, 1])))
    assert not found(RULE, training(LOSS, inputs=inputs([0, 1, 1, 0], [-1, 0, 0, -1])))  # scaled to -1..1
    assert found(RULE, training(LOSS, inputs=inputs([0, 1, 1, 0], [-1, 0, 0, 5])))


def test_a_column_constant_within_batches_that_differs_between_them_varies() -> None:
    given = inputs([1, 0], [0, 7])
    given["feature_mean"][:, 1] = np.arange(40)
    assert not found(RULE, training(LOSS, inputs=given))


@pytest.mark.parametrize(("snapshots", "speaks"), [(2, False), (3, True)])
def test_three_snapshots_are_needed(snapshots, speaks) -> None:
    assert bool(found(RULE, training(LOSS, inputs=inputs([1, 0], [0, 7], snapshots)))) is speaks


def test_columns_that_vary_are_fine() -> None:
    assert not found(RULE, training(LOSS, inputs=inputs([1, 1e-3], [0, 7])))


@pytest.mark.parametrize(("left", "severity"), [(0.2, "note"), (0.9, "error")])
def test_mostly_constant_columns_of_a_network_that_does_not_learn_are_an_error(left, severity) -> None:
    given = inputs([0, 0, 0, 1], [0, 0, 0, 1])
    (finding,) = found(RULE, training(LOSS, {"training_loss": np.full(400, left * np.log(10))}, inputs=given))
    assert finding.severity == severity


@pytest.mark.parametrize(("highest", "severity"), [(5.0, "note"), (1.0, "error")])
def test_a_constant_input_beside_one_that_varies_is_noted(highest, severity) -> None:
    stuck = {"training_loss": np.full(400, np.log(10)), ("input_min", "net:ids"): 1.0, ("input_max", "net:ids"): highest}
    given = training(LOSS, stuck, inputs=inputs([0, 0, 0], [1, 1, 1]))
    given.inputs = (*given.inputs, InputSite("net:ids", "net", (32, 3), "int64"))
    (finding,) = found(RULE, given)
    assert finding.severity == severity
