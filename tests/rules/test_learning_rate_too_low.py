import numpy as np
import pytest
from hand_built import found, layer, line, site, training
from made import SITE, STEPS, falling, findings, flat, made, mlp, per

from diagnose.run import InputSite, Optimizer

RULE = "learning-rate-too-low"


def changing(ratio: object, loss: np.ndarray | None = None, **change: object):
    _, parameters = mlp()
    return made(per("update_norm", parameters, ratio) | per("weight_norm", parameters, 1.0), loss=loss, **change)


def straight() -> np.ndarray:
    return np.linspace(0.69, 0.5, STEPS) + 0.001 * np.random.default_rng(0).standard_normal(STEPS)


@pytest.mark.parametrize(("ratio", "loud"), [(1e-6, True), (6.4e-4, True), (6.6e-4, False), (1e-2, False)])
@pytest.mark.parametrize("loss", [flat(), straight()], ids=["stuck", "straight"])
def test_speaks_where_no_weight_moves(ratio: float, loud: bool, loss: np.ndarray) -> None:
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


def warming(rates: np.ndarray, left: float, step: float = 2e-3, **settings: float) -> list[object]:
    _, parameters = mlp()
    moves = per("update_norm", parameters, step) | per("weight_norm", parameters, 1.0)
    numbers = moves | {"learning_rate": rates, "training_loss": np.linspace(0.69, 0.69 * left, 400), "class_count": np.full((40, 2), 16.0)}
    return found(RULE, training(site("cross_entropy", "addmm"), numbers, optimizers=[Optimizer(0, "SGD", settings)], parameters=parameters))


def test_a_warm_up_that_never_ended() -> None:
    (finding,) = warming(np.linspace(0.0, 0.01, 400), 0.9)
    assert finding.places == ("SGD",) and "still rising" in finding.message and "from 0 to 0.01" in finding.message


@pytest.mark.parametrize(
    ("rates", "left"),
    [
        (np.linspace(0.0, 0.01, 400), 0.2),  # and yet it has learnt
        (np.full(400, 0.01), 0.9),
        (np.r_[np.linspace(0.0, 0.01, 200), np.full(200, 0.01)], 0.9),
        (np.r_[np.linspace(0.0, 0.01, 390), np.linspace(0.01, 0.009, 10)], 0.9),
    ],
)
def test_a_warm_up_that_ended_or_did_its_work(rates: np.ndarray, left: float) -> None:
    assert not warming(rates, left)


@pytest.mark.parametrize(("peak", "loud"), [(0.2, True), (0.017, True), (0.012, False)])
def test_a_peak_that_was_planned_and_not_reached(peak: float, loud: bool) -> None:
    assert bool(warming(np.linspace(0.008, 0.011, 400), 0.9, max_lr=peak)) is loud


def test_a_rate_that_rises_too_high_is_no_warm_up() -> None:
    assert not warming(np.linspace(0.0, 0.01, 400), 0.9, step=0.1)


@pytest.mark.parametrize(
    ("ratio", "alike", "loud"),
    [(1e-4, 0.02, True), (1e-4, 0.45, False), (1e-3, 0.02, False), (line(1e-2, 1e-6, 40), 0.02, False)],
    ids=["hardly moves", "has the spread", "moves", "came to rest"],
)
def test_two_networks_that_stay_as_they_were_drawn(ratio: object, alike: float, loud: bool) -> None:
    _, parameters = mlp()
    layers = [
        layer("G.out", "linear", "Linear", shape=(32, 64), network="G"), layer("D.out", "linear", "Linear", shape=(32, 1), network="D"),
    ]  # fmt: skip
    moves = per("update_norm", parameters, ratio) | per("weight_norm", parameters, 1.0)
    numbers = moves | {("batch_std", "G.out"): alike, ("input_batch_std", "D:0"): 0.5, "loss": 1.4}
    recorded = training((), numbers, kind="gan", layers=layers, networks=["G", "D"], parameters=parameters)
    recorded.inputs = (InputSite("G:0", "G", (32, 16), "float32"), InputSite("D:0", "D", (32, 64), "float32"))
    assert bool(found(RULE, recorded)) is loud


@pytest.mark.parametrize(("across", "loud"), [(1e-8, False), (1e-6, True), ([1e-8] * 19 + [1e-3], True)])
def test_silent_where_the_answers_never_differ_by_more_than_rounding(across: object, loud: bool) -> None:
    """No input reaches them: a higher rate would not help."""
    _, parameters = mlp()
    moves = per("update_norm", parameters, 1e-5) | per("weight_norm", parameters, 1.0)
    answers = {("loss_input_std_across", SITE.id): across, ("loss_input_std", SITE.id): 0.05, ("loss_input_mean", SITE.id): 0.01}
    assert bool(findings(RULE, made(moves | answers))) is loud
