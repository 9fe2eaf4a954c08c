import numpy as np
import pytest
from curve import along, noisy, training
from made import findings

RULE = "loss-spikes"
GOOD = 0.3 * np.exp(-2 * along()) + 0.1


def spiky(*steps: int, height: float = 1.0) -> np.ndarray:
    loss = noisy(GOOD)
    loss[list(steps)] = height
    return loss


@pytest.mark.parametrize(("height", "severity"), [(0.3, None), (1.0, "warning"), (0.6, "note")])
def test_speaks_of_rare_high_steps(height: float, severity: str | None) -> None:
    found = findings(RULE, training(spiky(700, 800, 900, height=height)))
    assert [f.severity for f in found] == ([severity] if severity else [])


def test_counts_and_places_them() -> None:
    (finding,) = findings(RULE, training(spiky(300, 500, 777)))
    assert finding.message.startswith("3 spikes") and finding.steps == (300, 777)


def test_two_are_chance_and_many_are_noise() -> None:
    assert not findings(RULE, training(spiky(300, 500)))
    assert not findings(RULE, training(spiky(*range(200, 1000, 20))))


def test_the_warm_up_is_skipped() -> None:
    assert not findings(RULE, training(spiky(10, 20, 30, 40)))


def test_the_short_last_batch_of_an_epoch_may_be_high() -> None:
    last = [200, 400, 600, 800]
    samples = np.full(1000, 32.0)
    assert findings(RULE, training(spiky(*last), given={("samples", None): samples}))
    samples[last] = 3
    assert not findings(RULE, training(spiky(*last), given={("samples", None): samples}))


def test_says_when_they_stand_at_one_place_of_every_epoch() -> None:
    (finding,) = findings(RULE, training(spiky(*range(113, 1000, 100)), epochs=20))
    assert "13 steps into an epoch" in finding.message
    (finding,) = findings(RULE, training(spiky(150, 333, 501, 777), epochs=20))
    assert "into an epoch" not in finding.message


@pytest.mark.parametrize("seed", range(20))
def test_noise_has_no_spikes(seed: int) -> None:
    generator = np.random.default_rng(seed)
    assert not findings(RULE, training(GOOD * generator.lognormal(0, 0.4, 1000)))


def test_adversarial_losses_are_left_alone() -> None:
    assert not findings(RULE, training(spiky(300, 500, 777), kind="gan"))
