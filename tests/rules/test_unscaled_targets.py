"""unscaled-targets: large targets that the predictions have not reached."""

import numpy as np
import pytest
from hand_built import found, line, site, training

from diagnose.run import Optimizer

RULE = "unscaled-targets"
LOSS = site("mse_loss", "addmm", input_shape=(32, 1), target_shape=(32, 1), target_dtype="float32")


def numbers(mean, std, reached, across, loss_end, loss_start=None):
    start = mean**2 + std**2 if loss_start is None else loss_start
    return {
        "loss_target_mean": mean, "loss_target_std": std, "loss_target_std_across": std, "loss_input_mean": reached,
        "loss_input_std_across": across, "training_loss": line(start, loss_end), "loss": line(start, loss_end),
    }  # fmt: skip


def test_prices_that_were_never_reached_are_an_error_with_the_numbers_to_scale_by() -> None:
    (finding,) = found(RULE, training(LOSS, numbers(250e3, 80e3, 900.0, 50.0, 6.8e10), kind="regression"))
    assert finding.severity == "error" and finding.fix is not None
    assert finding.fix.code == "y = (y - 250000) / 8e+04" and "900" in finding.message


@pytest.mark.parametrize(("part", "speaks"), [(1.0, False), (0.76, False), (0.70, True), (0.0, True)])
def test_a_quarter_of_their_size_away_is_the_limit(part, speaks) -> None:
    given = numbers(1000.0, 1.0, 1000 * part, 1.0, 0.1)
    assert bool(found(RULE, training(LOSS, given, kind="regression"))) is speaks


@pytest.mark.parametrize(("scale", "speaks"), [(1.0, False), (9.9, False), (10.1, True)])
def test_ten_is_where_large_begins(scale, speaks) -> None:
    given = numbers(0.0, scale, 0.0, 0.1 * scale, 0.95 * scale**2)
    assert bool(found(RULE, training(LOSS, given, kind="regression"))) is speaks


def test_centred_targets_are_judged_by_their_spread() -> None:
    (finding,) = found(RULE, training(LOSS, numbers(0.0, 1e4, 0.0, 12.0, 0.99e8), kind="regression"))
    assert "differ by only 12" in finding.message
    assert not found(RULE, training(LOSS, numbers(0.0, 1e4, 0.0, 9e3, 0.6e8), kind="regression"))
    assert not found(RULE, training(LOSS, numbers(0.0, 1e4, 0.0, 12.0, 0.4e8), kind="regression"))


def test_large_targets_that_were_reached_are_fine() -> None:
    assert not found(RULE, training(LOSS, numbers(152.0, 77.0, 150.0, 50.0, 0.5 * 77**2, 0.9 * 77**2), kind="regression"))


@pytest.mark.parametrize(("decay", "left", "speaks"), [(20, 0.6, True), (4, 0.6, False), (20, 0.4, False), (45, 0.4, True)])
def test_a_mean_that_was_reached_late_is_a_warning_where_little_else_was_learnt(decay, left, speaks) -> None:
    given = numbers(5000.0, 2000.0, 4990.0, 1200.0, 1.0)
    given["training_loss"] = given["loss"] = 4e6 * (left + 7 * np.exp(-np.arange(400) / decay))
    findings = found(RULE, training(LOSS, given, kind="regression"))
    assert [finding.severity for finding in findings] == (["warning"] if speaks else [])
    if speaks:
        said = f"of 400 steps went by before the loss came down to that of a constant, and {left:.0%} of it is left"
        assert said in findings[0].message


def test_a_loss_that_became_infinite_is_enough() -> None:
    given = numbers(1e5, 1e4, 1e5, 1e4, 1.0) | {"training_loss": np.r_[np.full(20, 1e10), np.full(380, np.inf)]}
    (finding,) = found(RULE, training(LOSS, given, kind="regression"))
    assert "inf" in finding.message


@pytest.mark.parametrize(("end", "speaks"), [(0.5e8, False), (1.4e8, False), (1.6e8, True)])
def test_a_training_whose_end_was_not_looked_at_is_judged_by_its_loss(end, speaks) -> None:
    given = numbers(1e5, 1e4, 900.0, 50.0, end)
    for quantity in ("loss_input_mean", "loss_input_std_across"):
        given[quantity] = np.r_[np.full(10, given[quantity]), np.full(30, np.nan)]
    given["training_loss"] = np.r_[line(1e10, end, 100), np.full(300, end)]
    assert bool(found(RULE, training(LOSS, given, kind="regression"))) is speaks


@pytest.mark.parametrize("kind", ["gan", "reinforcement"])
def test_targets_that_move_with_the_network_are_left_alone(kind) -> None:
    assert not found(RULE, training(LOSS, numbers(250e3, 80e3, 900.0, 50.0, 6.8e10), kind=kind))


def test_silent_for_classes_constants_and_unknown_targets() -> None:
    given = numbers(250e3, 80e3, 900.0, 50.0, 6.8e10)
    assert not found(RULE, training(site("cross_entropy", "addmm"), given))
    assert not found(RULE, training(LOSS, numbers(250e3, 0.0, 900.0, 50.0, 6.8e10)))
    assert not found(RULE, training(site("custom"), {"loss": line(1e10, 1e9)}))


def small(scale=0.02, first=100.0, left=1.1, optimizer="SGD"):
    """Targets of this spread; the loss goes from `first` to `left` times that of a constant."""
    given = numbers(0.0, scale, 0.0, 0.3 * scale, 1.0)
    given["training_loss"] = given["loss"] = scale**2 * (left + (first - left) * np.exp(-np.arange(400) / 20))
    return found(RULE, training(LOSS, given, kind="regression", optimizers=[Optimizer(0, optimizer, {"lr": 0.01})]))


def test_small_targets_of_which_only_the_first_outputs_were_unlearnt_are_a_warning() -> None:
    (finding,) = small()
    assert finding.severity == "warning" and "100 times the loss of a constant" in finding.message
    assert finding.fix is not None and finding.fix.code == "y = y * 50"


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 0.11},
        {"first": 9.0},  # the outputs began no larger than the targets
        {"left": 0.45},  # learnt all the same
        {"left": 2.0},  # not even the first outputs were unlearnt: the steps are too small
        {"optimizer": "Adam"},  # its steps do not know how large the errors are
    ],
)
def test_small_targets_alone_are_fine(change) -> None:
    assert not small(**change)
