import numpy as np
import pytest
from curve import along, noisy, training
from made import LN2, findings

RULE = "oscillating-loss"


def swinging(amplitude: float, level: float = LN2, epochs: int = 20, seed: int = 0) -> np.ndarray:
    swing = np.repeat(1 + amplitude * np.random.default_rng(seed).standard_normal(epochs).clip(-1.5, 1.5), 50)
    return np.abs(noisy(level * swing, 0.05, seed))


@pytest.mark.parametrize(("amplitude", "loud"), [(0.0, False), (0.05, False), (0.6, True)])
@pytest.mark.parametrize("seed", range(5))
def test_speaks_of_large_jumps_between_epochs(amplitude: float, loud: bool, seed: int) -> None:
    assert bool(findings(RULE, training(swinging(amplitude, seed=seed)))) is loud


@pytest.mark.parametrize("epochs", [0, 20])
@pytest.mark.parametrize("seed", range(20))
def test_the_noise_of_batches_is_no_oscillation(epochs: int, seed: int) -> None:
    assert not findings(RULE, training(np.abs(noisy(np.full(1000, LN2), 0.5, seed)), epochs=epochs))
    assert not findings(RULE, training(noisy(LN2 * np.exp(-4 * along()), 0.3, seed), epochs=epochs))


def test_a_loss_that_jumps_on_its_way_down_jumps() -> None:
    down = swinging(0.6) * np.exp(-1.5 * along())
    assert findings(RULE, training(down))


def test_a_loss_that_only_rises_does_not_oscillate() -> None:
    assert not findings(RULE, training(noisy(0.1 * np.exp(15 * along()))))


def test_short_parts_tell_nothing_of_their_noise() -> None:
    batches = np.abs(noisy(np.full(70, LN2), 0.5))
    assert not findings(RULE, training(batches, epochs=10))
    assert findings(RULE, training(batches, epochs=70))  # no batches: every step is a whole epoch


def test_jumps_far_below_what_matters_are_forgiven() -> None:
    assert not findings(RULE, training(swinging(0.6, level=0.005)))


def test_a_learning_rate_that_restarts_swings_by_intention() -> None:
    cycles = np.tile(np.linspace(0.1, 0.001, 100), 10)
    assert not findings(RULE, training(swinging(0.6), rate=cycles))
    warm = np.concatenate([np.linspace(0.001, 0.1, 100), np.linspace(0.1, 0.01, 900)])
    assert findings(RULE, training(swinging(0.6), rate=warm))


@pytest.mark.parametrize("kind", ["gan", "reinforcement"])
def test_silent_for_kinds_without_a_level(kind: str) -> None:
    assert not findings(RULE, training(swinging(0.6), kind=kind))
