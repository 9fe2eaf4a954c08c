import numpy as np
import pytest
from made import LN2, SNAPSHOTS, STEPS, falling, findings, flat, made, mlp, per

from diagnose.run import Optimizer

RULE = "learning-rate-too-high"


def changing(ratio: object, loss: np.ndarray, **change: object):
    _, parameters = mlp()
    return made(per("update_norm", parameters, ratio) | per("weight_norm", parameters, 1.0), loss=loss, **change)


def diverging() -> np.ndarray:
    return np.concatenate([falling(100), np.linspace(0.05, 4, 100)])


def bumped() -> np.ndarray:
    """Rises in the first steps, then stays at what a constant answers."""
    return flat() + 0.5 * np.exp(-np.arange(STEPS) / 5) * (np.arange(STEPS) > 0)


@pytest.mark.parametrize(("ratio", "loud"), [(0.09, False), (0.11, True), (20.0, True)])
@pytest.mark.parametrize("loss", [diverging(), bumped()], ids=["diverging", "stuck after a rise"])
def test_speaks_above_a_tenth(ratio: float, loud: bool, loss: np.ndarray) -> None:
    assert bool(findings(RULE, changing(ratio, loss))) is loud


@pytest.mark.parametrize(("ratio", "loud"), [(0.11, False), (0.29, False), (0.31, True)])
def test_a_loss_that_settled_smoothly_needs_violent_steps(ratio: float, loud: bool) -> None:
    assert bool(findings(RULE, changing(ratio, flat()))) is loud


def test_silent_while_the_loss_falls() -> None:
    assert not findings(RULE, changing(0.5, falling()))


def test_a_fall_that_ended_half_way_under_steps_that_stayed_violent() -> None:
    half = np.maximum(falling(), 0.5 * LN2 + 0.05 * np.random.default_rng(1).standard_normal(STEPS))
    assert not findings(RULE, changing(0.2, half))
    assert not findings(RULE, changing([0.5] * 10 + [0.01] * 10, half))
    (finding,) = findings(RULE, changing(0.5, half))
    assert "median of the last third" in {e.statistic for e in finding.evidence}


def test_warm_start_that_calms_down_is_silent() -> None:
    assert not findings(RULE, changing([0.5] + [1e-3] * 19, flat()))


def test_a_loss_that_jumped_and_never_rested() -> None:
    generator = np.random.default_rng(0)
    loss = np.concatenate([[0.7], 40 * np.exp(-np.arange(199) / 20) + 0.3 + 0.5 * generator.random(199)])
    (finding,) = findings(RULE, changing(1.0, loss, losses=()))
    assert finding.severity == "error"


@pytest.mark.parametrize(("peak", "decay", "loud"), [(40, 20, True), (1.2, 20, False), (40, 1, False)])
def test_a_loss_that_jumped_and_was_long_in_coming_back_is_a_warning(peak: float, decay: float, loud: bool) -> None:
    calm = np.concatenate([[0.7], peak * np.exp(-np.arange(199) / decay) + 0.01])
    found = findings(RULE, changing([1.0] * 5 + [0.01] * 15, calm, losses=()))
    assert [finding.severity for finding in found] == (["warning"] if loud else [])
    assert not findings(RULE, changing(0.05, calm, losses=()))


@pytest.mark.parametrize(("first", "loud"), [(0.9, False), (1.1, True)])
def test_one_step_that_replaced_the_weights(first: float, loud: bool) -> None:
    assert bool(findings(RULE, changing([first] + [1e-3] * 19, flat()))) is loud
    assert not findings(RULE, changing([first] + [1e-3] * 19, falling()))


@pytest.mark.parametrize(("exploded", "loud"), [(0, False), (1, False), (9, True)])
def test_steps_that_follow_an_explosion_through_time(exploded: int, loud: bool) -> None:
    """Large steps from the second snapshot on; before them the gradient grows along time, or after."""
    rows = np.ones((SNAPSHOTS, 40))
    rows[exploded:] = 2.0 ** np.arange(39, -1, -1.0)
    assert findings(RULE, changing([1e-3] + [20.0] * 19, diverging()))  # without it the rate is to blame
    _, parameters = mlp()
    given = per("update_norm", parameters, [1e-3] + [20.0] * 19) | per("weight_norm", parameters, 1.0)
    given["through_time", "net.rnn"] = rows
    assert bool(findings(RULE, made(given, loss=diverging()))) is loud


def test_fix_scales_the_rate_by_the_measured_change() -> None:
    (finding,) = findings(RULE, changing(20.0, flat()))
    assert finding.fix and finding.fix.code == "lr=5e-05" and "instead of 0.1" in finding.fix.text
    assert finding.places == ("SGD",) and finding.source and finding.source.line == 20


def test_a_first_loss_that_was_hopeless_already() -> None:
    loss = np.concatenate([[1e4], np.full(STEPS - 1, np.nan)])
    assert not findings(RULE, changing(20.0, loss))
    loss[0] = 1.0
    assert findings(RULE, changing(20.0, loss))


def test_weights_that_start_at_zero_have_no_ratio() -> None:
    _, parameters = mlp()
    given = per("update_norm", parameters, 0.1) | per("weight_norm", parameters, 0.0)
    assert not findings(RULE, made(given, loss=flat(level=2 * LN2)))


@pytest.mark.parametrize(("end", "loud"), [(0.95, True), (0.5, False)])
def test_units_that_the_first_steps_silenced_are_a_warning_where_the_loss_falls_without_them(end: float, loud: bool) -> None:
    layers, parameters = mlp()
    silent = {("dead_share", "net.act0"): np.linspace(0.0, end, SNAPSHOTS), ("zero_share", "net.act0"): 0.5}
    moves = per("update_norm", parameters, [1.5] * 4 + [0.01] * 16) | per("weight_norm", parameters, 1.0)
    silent["dead_share", "net.act0"][-3:] = end
    found = findings(RULE, made(moves | silent, layers=layers, parameters=parameters, loss=falling()))
    assert [finding.severity for finding in found] == (["warning"] if loud else [])


@pytest.mark.parametrize(
    ("clipped", "early", "optimizer", "loud"),
    [(0.0, 0.01, "SGD", False), (0.5, 0.01, "SGD", True), (0.0, 2.0, "SGD", True), (0.0, 0.01, "Adam", True)],
)
def test_steps_that_a_clipping_given_nothing_would_have_cut(clipped: float, early: float, optimizer: str, loud: bool) -> None:
    _, parameters = mlp()
    gradients = per("gradient_norm", parameters, [0.1] * 2 + [100.0] * 18)
    clipping = {("clip_norm", None): np.full(STEPS, clipped), ("clip_limit", None): np.full(STEPS, 0.5)}
    changes = per("update_norm", parameters, [early] * 2 + [5.0] * 18) | per("weight_norm", parameters, 1.0)
    training = made(gradients | clipping | changes, loss=diverging(), optimizers=[Optimizer(0, optimizer, {"lr": 0.1})])
    assert bool(findings(RULE, training)) is loud


@pytest.mark.parametrize(("lasts", "loud"), [(1, False), (8, True)])
def test_a_single_high_loss_of_a_tiny_batch_is_no_jump(lasts: int, loud: bool) -> None:
    generator = np.random.default_rng(0)
    loss = (0.3 + 0.5 * generator.random(STEPS)) * np.linspace(1, 0.6, STEPS)
    loss[0], loss[20 : 20 + lasts] = 0.7, 9.0
    assert bool(findings(RULE, changing([0.5] * 5 + [1e-3] * 15, loss, losses=()))) is loud


def test_a_first_loss_that_is_small_by_chance_is_no_yardstick() -> None:
    generator = np.random.default_rng(0)
    loss = (0.3 + 0.2 * generator.random(STEPS)) * np.where(np.arange(STEPS) < 30, 2.2, 1)
    loss[0] = 0.25
    assert not findings(RULE, changing([0.2] * 5 + [1e-3] * 15, loss))  # a constant's is log 2
    assert findings(RULE, changing([0.2] * 5 + [1e-3] * 15, 4 * loss))
