"""wrong-initial-loss: the first loss against that of a guess."""

import numpy as np
import pytest
from hand_built import found, line, site, training

RULE = "wrong-initial-loss"
GUESS = float(np.log(10))


def test_a_high_first_loss_that_lasts_is_a_warning() -> None:
    (finding,) = found(RULE, training(site("cross_entropy", "addmm"), {"training_loss": line(30, 1)}))
    assert finding.severity == "warning" and "first loss" in finding.message
    assert finding.steps is not None and 370 < finding.steps[1] < 390


def test_one_that_is_gone_at_once_is_a_note() -> None:
    values = np.r_[np.linspace(30, 1, 10), np.full(390, 0.5)]
    (finding,) = found(RULE, training(site("cross_entropy", "addmm"), {"training_loss": values}))
    assert finding.severity == "note"


@pytest.mark.parametrize(("times", "speaks"), [(0.4, False), (1.0, False), (2.9, False), (3.1, True)])
def test_three_times_a_guess_is_the_limit(times, speaks) -> None:
    values = np.full(400, times * GUESS)
    assert bool(found(RULE, training(site("cross_entropy", "addmm"), {"training_loss": values}))) is speaks


def test_yes_or_no_and_sums_are_compared_with_their_own_guess() -> None:
    binary = site("binary_cross_entropy_with_logits", "addmm")
    assert found(RULE, training(binary, {"training_loss": np.full(400, 2.2)}))
    assert not found(RULE, training(binary, {"training_loss": np.full(400, 2.0)}))
    summed = site("cross_entropy", "addmm", arguments={"reduction": "sum"})
    assert not found(RULE, training(summed, {"training_loss": np.full(400, 32 * GUESS), "samples": 32.0}))


@pytest.mark.parametrize(
    "arguments", [{"weight": "given"}, {"pos_weight": "given"}, {"label_smoothing": 0.1}, {"reduction": "none"}]
)
def test_weights_and_smoothing_move_the_level(arguments) -> None:
    assert not found(
        RULE, training(site("cross_entropy", "addmm", arguments=arguments), {"training_loss": np.full(400, 30.0)})
    )


def test_silent_where_the_beginning_was_not_seen_and_for_quantities() -> None:
    assert not found(RULE, training(site("mse_loss", "addmm"), {"training_loss": np.full(400, 1e5)}))
    assert not found(RULE, training(site("cross_entropy", "addmm")))
