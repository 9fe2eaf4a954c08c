import numpy as np
import pytest
from curve import along, noisy, training, validation
from made import findings
from test_overfitting import turning

RULE = "overtraining"
FLAT = noisy(np.full(1000, 0.3))


@pytest.mark.parametrize(("rise", "loud"), [(1.0, False), (1.06, False), (1.3, True)])
def test_speaks_from_a_tenth_above_the_best_whatever_the_training_loss_does(rise: float, loud: bool) -> None:
    for loss in (FLAT, noisy(np.exp(-4 * along()))):
        assert bool(findings(RULE, training(loss, validation(turning(rise))))) is loud


def test_says_when_it_was_best() -> None:
    (finding,) = findings(RULE, training(FLAT, validation(turning(2.0))))
    assert "pass 6 of 20" in finding.message and finding.severity == "warning"


def test_a_late_best_pass_is_no_overtraining() -> None:
    assert not findings(RULE, training(FLAT, validation(turning(1.5, best=0.7))))


@pytest.mark.parametrize("noise", [0.005, 0.05])
def test_noise_alone_is_no_rise(noise: float) -> None:
    alarms = 0
    for seed in range(400):
        level = 0.4 + noise * np.random.default_rng(seed).standard_normal(20)
        alarms += bool(findings(RULE, training(FLAT, validation(level))))
    assert alarms <= 4  # 1 %


def test_a_loss_that_only_rises_never_was_trained() -> None:
    assert not findings(RULE, training(FLAT, validation(np.linspace(0.4, 0.9, 20))))


def test_few_passes_and_other_kinds_are_left_alone() -> None:
    assert not findings(RULE, training(FLAT, validation(turning(2.0, passes=6))))
    assert not findings(RULE, training(FLAT, validation(turning(2.0)), kind="gan"))
