"""discriminator-dominates: one loss near zero, the other network starved."""

import numpy as np
import pytest
from hand_built import found, layer, site, training

from diagnose.finding import Source
from diagnose.run import InputSite, Optimizer, Parameter

RULE = "discriminator-dominates"
TURNS = np.tile([0.0, 1.0], 200)
OPTIMIZERS = [Optimizer(0, "Adam", {"lr": 2e-3}, Source("gan.py", 30)), Optimizer(1, "Adam", {"lr": 1e-4})]
PARAMETERS = [
    Parameter("D.w", "D", (4, 4), 16, optimizer=0, network="D"),
    Parameter("G.w", "G", (4, 4), 16, optimizer=1, network="G"),
]


def judged(won, given, gradient=None, **change):
    loss = np.empty(400)
    loss[0::2], loss[1::2] = won, given
    numbers = {"loss": loss, "optimizer": TURNS}
    if gradient is not None:
        numbers["gradient_norm", "G.w"] = gradient
    return found(RULE, training((), numbers, kind="gan", optimizers=OPTIMIZERS, parameters=PARAMETERS, **change))


def fall(start, end):
    return np.r_[np.linspace(start, end, 50), np.full(150, end)]


def test_a_certain_discriminator_and_a_growing_generator_loss_are_an_error() -> None:
    (finding,) = judged(fall(1.39, 0.01), fall(0.7, 6.0))
    assert finding.severity == "error" and finding.places == ("D",) and "to 0.01" in finding.message
    assert finding.source == Source("gan.py", 30)


def test_a_saturating_loss_is_told_by_the_generator_s_gradients() -> None:
    assert judged(fall(1.39, 0.01), fall(-0.7, -0.001), np.r_[np.full(5, 1.0), np.full(35, 0.02)])
    assert not judged(fall(1.39, 0.01), fall(-0.7, -0.001), np.full(40, 1.0))


@pytest.mark.parametrize(("end", "speaks"), [(1.2, False), (0.15, False), (0.13, True)])
def test_a_tenth_of_the_start_is_the_limit(end, speaks) -> None:
    assert bool(judged(fall(1.39, end), fall(0.7, 6.0))) is speaks


def test_swinging_losses_are_what_adversarial_training_looks_like() -> None:
    swing = 0.7 + 0.65 * np.sin(np.arange(200) / 5)
    assert not judged(swing, 2 - swing)


def test_a_critic_s_loss_has_no_floor() -> None:
    assert not judged(fall(0.5, -30.0), fall(0.5, 9.0))


def test_a_generator_that_still_learns_is_fine() -> None:
    assert not judged(fall(1.39, 0.05), fall(0.7, 1.5))


def test_a_discriminator_that_wins_before_the_generator_s_fifth_step_is_seen() -> None:
    lost = np.r_[0.7, 3.0, 4.0, 5.0, 5.5, np.full(195, 6.0)]
    assert judged(fall(1.39, 0.01), lost)
    assert not judged(fall(1.39, 0.01), lost + 4.0)  # from 4.7 to 10: it began there


@pytest.mark.parametrize(("end", "speaks"), [(0.6, False), (0.45, False), (0.41, True), (0.33, True)])
def test_smoothed_labels_leave_a_part_of_the_loss(end, speaks) -> None:
    loss = np.empty(400)
    loss[0::2], loss[1::2] = fall(1.39, end), fall(0.7, 6.0)
    numbers = {"loss": loss, "optimizer": TURNS, "loss_target_min": 0.0, "loss_target_max": 0.9}  # 0.325 is left at best
    smoothed = site("binary_cross_entropy_with_logits", "addmm", optimizer=0)
    seen = found(RULE, training(smoothed, numbers, kind="gan", optimizers=OPTIMIZERS, parameters=PARAMETERS))
    assert bool(seen) is speaks


def critics(won=-4000.0, given=-3000.0, reached=400.0):
    """The losses of a critic and a generator, which end there, and how far samples reach that should reach 2."""
    loss = np.empty(400)
    loss[0::2], loss[1::2] = (np.r_[np.full(5, 0.1), np.linspace(0.1, end, 195)] for end in (won, given))
    numbers = {
        "loss": loss, "optimizer": TURNS, ("output_max_abs", "G.out"): np.linspace(0.3, reached, 40),
        ("input_min", "D:0"): -reached, ("input_max", "D:0"): 1.0, ("input_min", "D:1"): -2.0, ("input_max", "D:1"): 1.5,
    }  # fmt: skip
    layers = [layer("G.out", "linear", shape=(64, 2), network="G"), layer("D.out", "linear", shape=(64, 1), network="D")]
    inputs = [InputSite("G:0", "G", (64, 4), "float32"), *(InputSite(f"D:{i}", "D", (64, 2), "float32") for i in (0, 1))]
    change = {"optimizers": OPTIMIZERS, "parameters": PARAMETERS, "layers": layers}
    made = training((), numbers, kind="gan", **change)
    made.inputs = tuple(inputs)
    return found(RULE, made)


def test_two_losses_that_fall_together_without_end_do_not_compete() -> None:
    (finding,) = critics()
    assert finding.severity == "error" and finding.places == ("D", "G") and "they do not compete" in finding.message
    assert finding.fix is not None and finding.fix.code == "loss = -D(G(noise)).mean()"


@pytest.mark.parametrize(
    "change",
    [
        {"given": 3000.0},  # the generator loses what the critic wins
        {"won": -5.0, "given": -5.0},  # 42 times the start in the last third
        {"reached": 15.0},
    ],
)
def test_a_critic_that_is_competed_with_is_fine(change) -> None:
    assert not critics(**change)
