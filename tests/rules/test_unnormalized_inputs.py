"""unnormalized-inputs: the inputs' scale, and a second sign that it hurts."""

import numpy as np
import pytest
from hand_built import found, layer, line, site, training

from diagnose.run import InputSite, Parameter

RULE = "unnormalized-inputs"
LOSS = site("cross_entropy", "addmm")
STUCK = {"training_loss": line(2.6, 2.2), "loss": line(2.6, 2.2)}
LEARNT = {"training_loss": line(2.3, 0.05), "loss": line(2.3, 0.05)}
FIRST = layer("net.0", "linear", "Linear", input_shape=(32, 8), parameters=("net.0.weight",))


def columns(*rms):
    return np.tile(rms, (40, 1))


def inputs(mean=0.0, std=1.0, low=-3.0, high=3.0, sizes=None):
    sizes = [float(np.hypot(mean, std))] * 8 if sizes is None else sizes
    return {
        "input_mean": mean, "input_std": std, "input_min": low, "input_max": high, "input_integer_share": 0.0,
        "feature_mean": columns(*[0.0] * len(sizes)), "feature_std": columns(*sizes),
    }  # fmt: skip


PIXELS = inputs(33.0, 78.0, 0.0, 255.0)
CENSUS = inputs(12e3, 5e4, 0.0, 5e5, [40, 5, 1.9e5, 8, 10, 3, 8, 2])


def test_pixels_of_a_network_that_does_not_learn_are_an_error() -> None:
    (finding,) = found(RULE, training(LOSS, STUCK, inputs=PIXELS, layers=[FIRST]))
    assert finding.severity == "error" and finding.places == ("net:0",)
    assert "84.7" in finding.message and finding.fix is not None and finding.fix.code == "x = x / 255"


def test_uneven_columns_are_named() -> None:
    (finding,) = found(RULE, training(LOSS, STUCK, inputs=CENSUS, layers=[FIRST]))
    assert "column 2 " in finding.message and "1.9e+05" in finding.message


def test_without_a_second_sign_they_are_noted_at_most() -> None:
    (finding,) = found(RULE, training(LOSS, LEARNT, inputs=PIXELS, layers=[FIRST]))
    assert finding.severity == "note"
    assert not found(RULE, training(LOSS, LEARNT, inputs=inputs(5.0, 6.0, 0, 16), layers=[FIRST]))


@pytest.mark.parametrize(("std", "speaks"), [(1.0, False), (9.9, False), (10.1, True)])
def test_ten_is_the_limit(std, speaks) -> None:
    assert bool(found(RULE, training(LOSS, STUCK, inputs=inputs(0, std), layers=[FIRST]))) is speaks


@pytest.mark.parametrize(("largest", "speaks"), [(990.0, False), (1010.0, True)])
def test_a_column_of_a_hundred_times_the_median_is_the_limit(largest, speaks) -> None:
    uneven = inputs(0, 9.0, -30, 30, [largest] + [10.0] * 7)
    assert bool(found(RULE, training(LOSS, STUCK, inputs=uneven, layers=[FIRST]))) is speaks


@pytest.mark.parametrize(("level", "speaks"), [(0.49, False), (0.51, True)])
def test_half_of_the_loss_left_is_the_second_sign(level, speaks) -> None:
    stays = np.r_[np.full(10, 2.3), np.full(390, level * np.log(10))]
    loud = [
        f
        for f in found(RULE, training(LOSS, {"training_loss": stays, "loss": stays}, inputs=PIXELS, layers=[FIRST]))
        if f.loud
    ]
    assert bool(loud) is speaks


def test_a_saturated_first_sigmoid_is_a_second_sign() -> None:
    sigmoid = layer("net.1", "activation", "Sigmoid", activation="sigmoid")
    numbers = LEARNT | {("saturated_share", "net.1"): 0.8}
    (finding,) = found(RULE, training(LOSS, numbers, inputs=PIXELS, layers=[FIRST, sigmoid]))
    assert finding.severity == "error" and "80% of the first activation net.1" in finding.message
    numbers = LEARNT | {("saturated_share", "net.1"): 0.3}
    (finding,) = found(RULE, training(LOSS, numbers, inputs=PIXELS, layers=[FIRST, sigmoid]))
    assert finding.severity == "note"


def test_a_loss_that_became_nan_is_a_second_sign() -> None:
    values = np.r_[np.full(5, 2.3), np.full(395, np.nan)]
    (finding,) = found(RULE, training(LOSS, {"training_loss": values, "loss": values}, inputs=PIXELS, layers=[FIRST]))
    assert finding.severity == "error" and "nan" in finding.message


@pytest.mark.parametrize("role", ["normalization", "embedding"])
def test_a_normalisation_or_an_embedding_at_the_input_makes_scale_harmless(role) -> None:
    first = layer("net.0", role, input_shape=(32, 8))
    assert not found(RULE, training(LOSS, STUCK, inputs=CENSUS, layers=[first, FIRST]))


def test_a_normalisation_of_something_else_leaves_the_inputs_as_they_are() -> None:
    """Columns that parameters of the network's own turn into tokens: the first layer known to take something takes those."""
    tokens = layer("net.norm", "normalization", input_shape=(32, 9, 24))
    assert found(RULE, training(LOSS, STUCK, inputs=PIXELS, layers=[tokens, FIRST]))[0].severity == "error"


def test_integers_are_no_quantities() -> None:
    recorded = training(LOSS, STUCK, inputs=PIXELS, layers=[FIRST])
    recorded.inputs = (InputSite("net:0", "net", (32, 8), "int64"),)
    assert not found(RULE, recorded)


def test_tiny_inputs_of_a_network_that_does_not_learn_are_an_error() -> None:
    small = inputs(0.0, 1e-3, -4e-3, 4e-3)
    assert found(RULE, training(LOSS, STUCK, inputs=small, layers=[FIRST]))
    assert not found(RULE, training(LOSS, LEARNT, inputs=small, layers=[FIRST]))
    one_hot = inputs(1e-4, 1e-2, 0.0, 1.0)
    assert not found(RULE, training(LOSS, STUCK, inputs=one_hot, layers=[FIRST]))


def test_scaling_inside_forward_is_recognised_by_the_first_layer_s_output() -> None:
    weight = Parameter("net.0.weight", "net.0", (16, 8), 128, fan_in=8, fan_out=16, initial={"mean": 0.0, "std": 0.2})
    made = float(np.sqrt(8)) * 0.2 * float(np.hypot(33, 78))  # what such inputs make of such weights
    for part, speaks in ((1.0, True), (1 / 255, False)):
        numbers = STUCK | {("output_mean", "net.0"): 0.0, ("output_std", "net.0"): made * part}
        given = training(LOSS, numbers, inputs=PIXELS, layers=[FIRST], parameters=[weight])
        assert bool(found(RULE, given)) is speaks


def test_adversarial_and_reinforcement_losses_are_no_second_sign() -> None:
    for kind in ("gan", "reinforcement"):
        assert all(not f.loud for f in found(RULE, training(LOSS, STUCK, inputs=PIXELS, layers=[FIRST], kind=kind)))


def test_standardised_inputs_are_fine() -> None:
    assert not found(RULE, training(LOSS, STUCK, inputs=inputs(), layers=[FIRST]))


def test_what_a_recurrent_layer_puts_out_does_not_tell_that_its_input_was_scaled() -> None:
    recurrent = layer("net.rnn", "recurrent", "GRU", input_shape=(32, 8), parameters=("net.0.weight",))
    weight = Parameter("net.0.weight", "net.rnn", (8, 8), 64, initial={"std": 0.3, "mean": 0.0}, fan_in=8)
    numbers = STUCK | {"output_mean": 0.0, "output_std": 0.8}
    assert found(RULE, training(LOSS, numbers, inputs=PIXELS, layers=[recurrent], parameters=[weight]))


@pytest.mark.parametrize(("end", "speaks"), [(2.2, True), (1.0, False)])
def test_where_a_constant_answer_s_loss_is_not_known_the_loss_must_have_fallen(end, speaks) -> None:
    weighted = site("cross_entropy", "addmm", arguments={"weight": "given"})
    losses = {"training_loss": line(2.6, end), "loss": line(2.6, end)}
    assert [f.severity for f in found(RULE, training(weighted, losses, inputs=PIXELS, layers=[FIRST]))] == [
        "error" if speaks else "note"
    ]


@pytest.mark.parametrize(
    ("mean", "spread", "end", "speaks"),
    [(42.7, 0.004, 1.0, True), (42.7, 0.1, 1.0, False), (42.7, 0.0, 1.0, False), (42.7, 0.004, 0.1, False), (0.5, 1e-4, 1.0, False)],
)
def test_a_column_that_varies_by_next_to_nothing_around_a_large_mean(mean, spread, end, speaks) -> None:
    """Latitudes within a town; not a constant, nor where nearly all is learnt."""
    given = inputs(40.0, 30.0, -80.0, 60.0) | {"feature_mean": columns(mean, 60.0, 0.0), "feature_std": columns(spread, 20.0, 1.0)}
    course = np.r_[line(2.3, end, 100), np.full(300, end)]  # of log 10
    losses = {"training_loss": course, "loss": course}
    findings = found(RULE, training(LOSS, losses, inputs=given, layers=[FIRST]))
    assert [f.severity for f in findings] == ["error" if speaks else "note"]
