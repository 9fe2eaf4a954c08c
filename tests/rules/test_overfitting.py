import numpy as np
import pytest
from curve import EPOCHS, along, noisy, training, validation
from made import LN2, SITE, findings, replace

RULE = "overfitting"
MEMORISED = noisy(0.69 * np.exp(-5 * along()))


def turning(rise: float, best: float = 0.3, noise: float = 0.0, seed: int = 0, passes: int = EPOCHS) -> np.ndarray:
    """Falls from 0.7 to 0.4 at `best` of the training, then rises in a line to `rise` times that."""
    t = np.linspace(0, 1, passes + 1)[1:]
    curve = np.where(t < best, 0.7 - 0.3 * t / best, 0.4 * (1 + (rise - 1) * (t - best) / (1 - best)))
    return curve + noise * np.random.default_rng(seed).standard_normal(passes)


@pytest.mark.parametrize(("rise", "loud"), [(1.0, False), (1.08, False), (1.2, True), (3.0, True)])
def test_speaks_from_a_tenth_above_the_best(rise: float, loud: bool) -> None:
    assert bool(findings(RULE, training(MEMORISED, validation(turning(rise))))) is loud


def test_says_where_and_how_much() -> None:
    (finding,) = findings(RULE, training(MEMORISED, validation(turning(2.0))))
    assert finding.severity == "warning" and finding.places == ("val",)
    assert "rose from 0.4" in finding.message and "epoch 6" in finding.message
    assert finding.steps is not None and finding.steps[0] == pytest.approx(300, abs=30)


@pytest.mark.parametrize("noise", [0.005, 0.05])
def test_noise_alone_is_no_rise(noise: float) -> None:
    alarms = 0
    for seed in range(400):
        level = 0.4 + noise * np.random.default_rng(seed).standard_normal(EPOCHS)
        alarms += bool(findings(RULE, training(MEMORISED, validation(level))))
    assert alarms <= 4  # 1 %


@pytest.mark.parametrize("seed", range(10))
def test_a_rise_is_seen_through_noise(seed: int) -> None:
    assert findings(RULE, training(MEMORISED, validation(turning(1.8, noise=0.02, seed=seed))))


def test_silent_while_the_training_loss_does_not_fall() -> None:
    flat = noisy(np.full(1000, 0.2))
    assert not findings(RULE, training(flat, validation(turning(2.0))))


def test_silent_where_the_training_loss_is_the_higher_one() -> None:
    higher = noisy(2.0 - along())
    assert not findings(RULE, training(higher, validation(turning(1.5))))


def test_patience_of_early_stopping_is_no_overfitting() -> None:
    stopped = turning(1.12, best=0.8)
    assert not findings(RULE, training(MEMORISED, validation(stopped)))
    assert findings(RULE, training(MEMORISED, validation(turning(1.4, best=0.8))))


def test_going_back_to_the_best_weights_is_no_overfitting() -> None:
    losses = [*turning(1.6), 0.4]
    at = [*np.linspace(0, 999, EPOCHS + 1)[1:].astype(int), 999]
    assert not findings(RULE, training(MEMORISED, validation(losses, at=at)))


def test_a_rise_that_is_next_to_nothing_is_no_harm() -> None:
    tiny = 0.01 * turning(1.5) / 0.4
    assert not findings(RULE, training(MEMORISED * 0.01, validation(tiny)))


def test_a_growing_accuracy_makes_it_a_note() -> None:
    grows = np.linspace(0.6, 0.9, EPOCHS)
    (finding,) = findings(RULE, training(MEMORISED, validation(turning(1.4), accuracy=grows)))
    assert finding.severity == "note"
    (finding,) = findings(RULE, training(MEMORISED, validation(turning(1.4), accuracy=np.full(EPOCHS, 0.8))))
    assert finding.severity == "warning"
    (finding,) = findings(RULE, training(MEMORISED, validation(turning(3.0), accuracy=grows)))
    assert finding.severity == "warning"


def test_a_growing_accuracy_excuses_nobody_whose_best_is_a_constants() -> None:
    grows = np.linspace(0.5, 0.6, EPOCHS)
    (finding,) = findings(RULE, training(MEMORISED, validation(turning(1.4) * np.log(2) / 0.4, accuracy=grows)))
    assert finding.severity == "warning"


def test_small_sets_get_wide_bounds() -> None:
    assert findings(RULE, training(MEMORISED, validation(turning(1.3), noise=0.01)))
    assert not findings(RULE, training(MEMORISED, validation(turning(1.3), noise=0.2)))


def test_only_like_is_compared_with_like() -> None:
    smoothed = replace(SITE, role="evaluation", arguments={"reduction": "mean", "label_smoothing": 0.1})
    other = replace(SITE, role="evaluation", function="mse_loss")
    for site in (smoothed, other):
        assert not findings(RULE, training(MEMORISED, validation(turning(2.0), site=site)))


def test_training_data_evaluated_are_no_validation() -> None:
    assert not findings(RULE, training(MEMORISED, validation(turning(2.0), same_data=1.0)))
    assert findings(RULE, training(MEMORISED, validation(turning(2.0), same_data=0.1)))


@pytest.mark.parametrize("kind", ["gan", "reinforcement"])
def test_silent_for_kinds_without_a_level(kind: str) -> None:
    assert not findings(RULE, training(MEMORISED, validation(turning(2.0)), kind=kind))


def test_the_best_of_several_sets_speaks() -> None:
    both = training(
        MEMORISED, validation(turning(1.0), name="train copy", same_data=1.0), validation(turning(2.0), name="test")
    )
    assert findings(RULE, both)[0].places == ("test",)


def test_three_passes_are_too_few() -> None:
    assert not findings(RULE, training(MEMORISED, validation([0.4, 0.5, 0.9])))


@pytest.mark.parametrize(("best", "left", "loud"), [(1.01, 0.9, True), (1.01, 0.97, False), (0.97, 0.9, False)])
def test_nothing_that_holds_for_other_samples(best: float, left: float, loud: bool) -> None:
    """Labels that were shuffled: what is learnt of them is learnt by heart, and the validation hardly rises."""
    curve = noisy(LN2 * np.linspace(1.0, left, 1000), 0.01)
    found = findings(RULE, training(curve, validation(np.full(EPOCHS, best * LN2))))
    assert bool(found) is loud
    if loud:
        assert found[0].severity == "warning" and "never better than the 0.693" in found[0].message
