import numpy as np
import pytest
from made import STEPS, falling, findings, flat, made, mlp, per

RULE = "learning-rate-too-low"


def changing(ratio: object, loss: np.ndarray | None = None, **change: object):
    _, parameters = mlp()
    return made(per("update_norm", parameters, ratio) | per("weight_norm", parameters, 1.0), loss=loss, **change)


def straight() -> np.ndarray:
    return np.linspace(0.69, 0.5, STEPS) + 0.001 * np.random.default_rng(0).standard_normal(STEPS)


@pytest.mark.parametrize(("ratio", "loud"), [(1e-6, True), (2.9e-4, True), (3.1e-4, False), (1e-2, False)])
@pytest.mark.parametrize("loss", [flat(), straight()], ids=["stuck", "straight"])
def test_speaks_under_three_in_ten_thousand(ratio: float, loud: bool, loss: np.ndarray) -> None:
    assert bool(findings(RULE, changing(ratio, loss))) is loud


def test_silent_when_the_loss_has_settled_low() -> None:
    assert not findings(RULE, changing(1e-5, falling()))


def test_many_small_steps_go_far() -> None:
    long = flat(20_000)
    assert not findings(RULE, changing(9e-5, long))
    assert findings(RULE, changing(1e-6, long))


def test_one_weight_that_moves_is_enough() -> None:
    assert not findings(RULE, changing(lambda i: 1e-2 if i == 2 else 1e-6))


def test_fix_multiplies_the_rate() -> None:
    (finding,) = findings(RULE, changing(1e-5))
    assert finding.fix and finding.fix.code == "lr=10" and "instead of 0.1" in finding.fix.text
