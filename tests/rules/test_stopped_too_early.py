import numpy as np
import pytest
from curve import along, noisy, training, validation
from made import LN2, findings, mlp, per

from diagnose.run import EvaluationSet

RULE = "stopped-too-early"


def exponential(rate: float, floor: float = 0.05, steps: int = 1000) -> np.ndarray:
    return noisy(floor + (0.69 - floor) * np.exp(-rate * along(steps)))


@pytest.mark.parametrize(("rate", "loud"), [(0.5, True), (1.0, True), (2.0, True), (5.0, False), (10.0, False)])
def test_speaks_while_as_many_steps_again_would_help(rate: float, loud: bool) -> None:
    assert bool(findings(RULE, training(exponential(rate)))) is loud


def test_says_what_more_epochs_would_give() -> None:
    (finding,) = findings(RULE, training(exponential(1.0)))
    assert "in the last half of 1000 steps" in finding.message and finding.severity == "warning"
    assert finding.fix is not None and finding.fix.code == "epochs = 40"


@pytest.mark.parametrize("seed", range(40))
def test_noise_is_no_fall(seed: int) -> None:
    assert not findings(RULE, training(noisy(np.full(300, 0.5), 0.2, seed)))


@pytest.mark.parametrize(("steps", "noise"), [(15, 0.0), (16, 0.01), (60, 0.01), (300, 0.01)])
def test_short_trainings_are_seen_too(steps: int, noise: float) -> None:
    assert findings(RULE, training(noisy(0.69 - 0.3 * along(steps), noise), epochs=3))


@pytest.mark.parametrize(("end", "loud"), [(0.9, True), (0.75, True), (0.55, True), (0.45, False), (1.1, False)])
def test_learning_that_has_only_begun_may_be_slow(end: float, loud: bool) -> None:
    slow = noisy(LN2 * (end + 0.2 * (np.exp(-along()) - np.exp(-1))), 0.005)
    found = findings(RULE, training(slow))
    assert bool(found) is loud
    if loud:
        assert "of what a constant loses is left" in found[0].message


def test_a_learning_rate_that_was_lowered_ends_a_training() -> None:
    assert not findings(RULE, training(exponential(1.0), rate=np.linspace(0.1, 0.001, 1000)))
    assert findings(
        RULE, training(exponential(1.0), rate=np.concatenate([np.linspace(0.001, 0.1, 100), np.full(900, 0.1)]))
    )


def test_a_validation_that_rises_ends_a_training() -> None:
    assert not findings(RULE, training(exponential(1.0), validation([0.6, 0.5, 0.52, 0.55])))
    assert findings(RULE, training(exponential(1.0), validation([0.6, 0.5, 0.45, 0.41])))


def test_a_fall_that_is_next_to_nothing_is_no_gain() -> None:
    tail = noisy(0.69 * np.concatenate([np.exp(-30 * along(500)), 0.02 * (1 - 0.5 * along(500))]))
    assert not findings(RULE, training(tail))


@pytest.mark.parametrize("kind", ["gan", "reinforcement"])
def test_silent_for_kinds_without_a_level(kind: str) -> None:
    assert not findings(RULE, training(exponential(1.0), kind=kind))


@pytest.mark.parametrize(("end", "loud"), [(0.9, True), (0.6, False)])
def test_text_keeps_half_of_its_loss(end: float, loud: bool) -> None:
    slow = noisy(LN2 * (end + 0.2 * (np.exp(-along()) - np.exp(-1))), 0.005)
    recorded = training(slow)
    recorded.kind = "language"
    assert bool(findings(RULE, recorded)) is loud


def walking(ratio: float, loss: np.ndarray, *evaluations: EvaluationSet):
    """A training whose rate was lowered, each step of which changes the weights by `ratio`."""
    _, parameters = mlp()
    moves = per("update_norm", parameters, ratio) | per("weight_norm", parameters, 1.0)
    return training(loss, *evaluations, rate=np.linspace(0.1, 0.001, len(loss)), given=moves, parameters=parameters)


@pytest.mark.parametrize(
    ("ratio", "end", "loud"), [(5e-3, 0.8, True), (5e-3, 0.45, False), (1.5e-2, 0.8, False), (5e-4, 0.8, False)]
)
def test_so_few_steps_that_the_weights_are_still_the_drawn_ones(ratio: float, end: float, loud: bool) -> None:
    found = findings(RULE, walking(ratio, noisy(LN2 * (end + (1 - end) * np.exp(-3 * along(100))), 0.002)))
    assert bool(found) is loud
    if loud:
        assert "no weight by more than 0.5 of its norm, and 81% of what" in found[0].message


@pytest.mark.parametrize(("passes", "loud"), [([0.68, 0.66, 0.65], True), ([0.68, 0.65, 0.655], False), ([0.68, 0.65], False)])
def test_a_held_out_loss_tells_where_the_batches_are_too_noisy(passes: list[float], loud: bool) -> None:
    shaken = noisy(np.full(40, 0.95 * LN2), 0.04, seed=1)
    assert bool(findings(RULE, walking(5e-3, shaken, validation(passes, 40)))) is loud


def test_few_steps_that_no_longer_help_were_enough() -> None:
    settled = np.r_[np.linspace(LN2, 0.8 * LN2, 30), noisy(np.full(70, 0.8 * LN2), 0.002)]
    assert not findings(RULE, walking(5e-3, settled))


@pytest.mark.parametrize(("middle", "end", "loud"), [(0.98, 0.9, True), (0.92, 0.9, False), (0.85, 0.6, False)])
def test_most_of_the_fall_came_late_whatever_the_rate_did(middle: float, end: float, loud: bool) -> None:
    curve = LN2 * np.interp(along(400), [0, 0.5, 1], [1.0, middle, end])
    found = findings(RULE, walking(1.5e-2, noisy(curve, 0.005)))
    assert bool(found) is loud
    if loud:
        assert "of its whole fall" in found[0].message


@pytest.mark.parametrize(("passes", "loud"), [
    ([0.6, 0.5, 0.42, 0.4, 0.395], False),  # as many again would take off 6 %
    ([0.6, 0.5, 0.45, 0.41, 0.37], True),
    ([0.690, 0.689, 0.688, 0.687, 0.6865], True),  # level, but nothing is learnt yet
])  # fmt: skip
def test_a_held_out_loss_that_levelled_ends_a_training(passes: list[float], loud: bool) -> None:
    slow = noisy(LN2 * (1 - 0.45 * along(400)), 0.005)
    assert bool(findings(RULE, training(slow, validation(passes, 400)))) is loud
