import numpy as np
import pytest
from curve import along, noisy, training, validation
from hand_built import site
from hand_built import training as hand_built
from made import LN2, SITE, findings, replace

RULE = "loss-not-decreasing"


@pytest.mark.parametrize(
    ("level", "loud"), [(LN2, True), (0.95 * LN2, True), (3.0, True), (0.85 * LN2, False), (0.1, False)]
)
def test_speaks_where_no_more_than_a_constant_is_learnt(level: float, loud: bool) -> None:
    assert bool(findings(RULE, training(noisy(np.full(500, level), 0.02)))) is loud


def test_says_what_a_constant_would_reach() -> None:
    (finding,) = findings(RULE, training(noisy(np.full(500, LN2), 0.02)))
    assert "stays at 0.69" in finding.message and "would reach 0.693" in finding.message and finding.severity == "error"


@pytest.mark.parametrize("seed", range(60))
def test_a_slow_fall_is_a_fall(seed: int) -> None:
    slow = noisy(LN2 * (1 - 0.06 * along(500)), 0.02, seed)
    assert not findings(RULE, training(slow))


@pytest.mark.parametrize("noise", [0.01, 0.1, 0.3])
def test_flat_is_flat_under_any_noise(noise: float) -> None:
    flat = np.abs(noisy(np.full(2000, 1.1 * LN2), noise, 3))
    assert findings(RULE, training(flat))


CUSTOM = {"losses": [replace(SITE, function="custom", arguments={}, input_shape=None, target_shape=None)]}


def test_a_hand_written_loss_is_held_against_its_start() -> None:
    assert findings(RULE, training(noisy(np.full(500, 7.0), 0.05), **CUSTOM))
    assert not findings(RULE, training(noisy(7.0 * np.exp(-3 * along(500)), 0.05), **CUSTOM))
    early = noisy(np.concatenate([7.0 * np.exp(-0.1 * np.arange(100)) + 1, np.full(900, 1.0)]), 0.05)
    assert not findings(RULE, training(early, **CUSTOM))


@pytest.mark.parametrize(("steps", "loud"), [(40, False), (2000, True)])
def test_so_much_noise_that_no_fall_could_be_told_tells_nothing(steps: int, loud: bool) -> None:
    """Tasks of very different sizes, as in meta-learning: where few steps are known not even a loss of 0 would be lower."""
    wild = np.abs(np.random.default_rng(0).standard_normal(steps)) ** 2
    assert bool(findings(RULE, training(wild, **CUSTOM))) is loud


def test_a_hand_written_loss_of_both_signs_has_no_level() -> None:
    assert not findings(RULE, training(np.random.default_rng(0).standard_normal(500), **CUSTOM))


def test_a_tiny_loss_has_nothing_left_to_fall() -> None:
    spike = np.concatenate([[5.0], np.full(499, 1e-3)])
    assert not findings(RULE, training(spike, **CUSTOM))


@pytest.mark.parametrize("kind", ["gan", "reinforcement"])
def test_silent_for_kinds_without_a_level(kind: str) -> None:
    assert not findings(RULE, training(np.full(500, LN2), kind=kind))


def test_few_steps_tell_nothing() -> None:
    assert not findings(RULE, training(noisy(np.full(20, LN2), 0.02)))


@pytest.mark.parametrize(("fall", "loud"), [(0.01, True), (0.04, False)])
def test_a_fall_counts_by_what_it_takes_off(fall: float, loud: bool) -> None:
    """Labels that belong to other samples are learnt by heart a little: a trend beyond doubt, and worth nothing."""
    assert bool(findings(RULE, training(noisy(LN2 * (1 - fall * along(2000)), 0.005)))) is loud


@pytest.mark.parametrize(("held_out", "loud"), [((1.0, 0.97), False), ((1.0, 0.995), True), ((0.97, 0.97), True), (None, True)])
def test_the_little_that_there_is_to_learn_is_learnt(held_out: tuple[float, float] | None, loud: bool) -> None:
    """Returns of shares: next to nothing can be known, and what is learnt of it holds for new samples."""
    sets = [] if held_out is None else [validation(LN2 * np.linspace(*held_out, 12))]
    assert bool(findings(RULE, training(noisy(np.full(500, 0.98 * LN2), 0.02), *sets))) is loud


@pytest.mark.parametrize(("end", "loud"), [(6.9, False), (7.0, True)])
def test_a_falling_held_out_loss_speaks_against_the_noise_of_batches(end: float, loud: bool) -> None:
    held = validation(np.linspace(7.0, end, 12), site=replace(SITE, function="custom", role="evaluation", id="held"))
    assert bool(findings(RULE, training(noisy(np.full(500, 7.0), 0.05), held, **CUSTOM))) is loud


def test_targets_in_order_are_guessed_by_one_constant_for_all_batches() -> None:
    """Windows of a series: alike within a batch, far apart between batches."""
    loss = np.full(400, 0.05) + 0.005 * np.random.default_rng(0).standard_normal(400)
    one = site("mse_loss", "addmm", input_shape=(32, 1), target_shape=(32, 1), target_dtype="float32")
    numbers = {"loss_target_std": 0.03, "loss_target_std_across": 0.03, "training_loss": loss, "loss": loss}
    ordered = hand_built(one, numbers | {"loss_target_mean": np.tile(np.linspace(-1, 1, 10), 4)}, kind="regression")
    mixed = hand_built(one, numbers | {"loss_target_mean": 0.0}, kind="regression")
    assert not findings(RULE, ordered) and findings(RULE, mixed)


@pytest.mark.parametrize(
    ("passes", "loud"),
    [([0.655, 0.652, 0.651], False), ([0.66, 0.668, 0.67], True), ([0.69, 0.60, 0.65], True), ([0.655, 0.65], True)],
    ids=["clearly below", "hardly below", "noisy", "few"],
)
def test_little_that_holds_for_other_samples_is_told_by_few_passes(passes: list[float], loud: bool) -> None:
    """Labels a third of which are wrong: what can be learnt of them takes off 8 %."""
    little = noisy(LN2 * (0.93 + 0.07 * np.exp(-30 * along(400))), 0.02)
    assert bool(findings(RULE, training(little, validation(passes, 400)))) is loud
