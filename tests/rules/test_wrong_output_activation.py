"""wrong-output-activation: what the last activation can put out against what is asked of it."""

import numpy as np
import pytest
from hand_built import LINE, found, layer, line, site, training

from diagnose.run import Edge, InputSite

RULE = "wrong-output-activation"


def targets(low, high, mean=0.0, std=1.0, **more):
    return {"loss_target_min": low, "loss_target_max": high, "loss_target_mean": mean, "loss_target_std": std} | more


# quantities


def test_a_relu_before_negative_targets_is_an_error() -> None:
    (finding,) = found(RULE, training(site("mse_loss", "relu", "addmm"), targets(-1.1, 1.1, 0.0, 0.8)))
    assert (finding.severity, finding.places, finding.source) == ("error", ("net.fc",), LINE)
    assert "-1.1" in finding.message


@pytest.mark.parametrize("function", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
@pytest.mark.parametrize(
    ("activation", "low", "high"),
    [
        ("sigmoid", 0, 9),
        ("sigmoid", -3, 1),
        ("tanh", -1, 4),
        ("softmax", 0, 5),
        ("softplus", -2, 2),
        ("exp", -2, 2),
        ("elu", -9, 2),
    ],
)
def test_targets_out_of_reach(function, activation, low, high) -> None:
    assert found(
        RULE, training(site(function, activation, "addmm"), targets(low, high, (low + high) / 2, (high - low) / 4))
    )


@pytest.mark.parametrize(
    ("activation", "low", "high", "std"),
    [
        ("relu", 0, 5, 1),
        ("sigmoid", 0, 1, 0.3),
        ("tanh", -1, 1, 0.6),
        ("softmax", 0, 1, 0.2),
        ("elu", -1.5, 4, 1),
        ("softplus", 0.1, 9, 2),
    ],
)
def test_silent_where_the_targets_are_in_reach(activation, low, high, std) -> None:
    assert not found(RULE, training(site("mse_loss", activation, "addmm"), targets(low, high, (low + high) / 2, std)))


@pytest.mark.parametrize(("high", "speaks"), [(1.1, False), (1.29, False), (1.31, True)])
def test_noise_at_the_bound_is_within_half_a_standard_deviation(high, speaks) -> None:
    assert bool(found(RULE, training(site("mse_loss", "tanh", "addmm"), targets(-1, high, 0, 0.6)))) is speaks


def test_one_outlying_batch_is_not_the_rule() -> None:
    low = np.zeros(40)
    low[7] = -5
    assert not found(RULE, training(site("mse_loss", "relu", "addmm"), targets(low, 3, 1.5, 1)))


@pytest.mark.parametrize(("left", "severity"), [(0.2, None), (0.6, "warning")])
def test_few_targets_out_of_reach_are_a_warning_where_the_fit_is_bad(left, severity) -> None:
    numbers = targets(-1, 8, 2.5, 1.5, loss_target_std_across=1.5, training_loss=np.full(400, left * 1.5**2))
    findings = found(RULE, training(site("mse_loss", "relu", "addmm"), numbers))
    assert [f.severity for f in findings] == ([severity] if severity else [])


def test_one_target_in_forty_is_an_outlier() -> None:
    numbers = targets(-1, 8, 3.2, 1.5, loss_target_std_across=1.5, training_loss=np.full(400, 1.5**2))
    assert not found(RULE, training(site("mse_loss", "relu", "addmm"), numbers))


def test_a_fit_that_is_good_all_the_same_reaches_its_targets() -> None:
    numbers = targets(-1.1, 1.1, 0.0, 0.8, loss_target_std_across=0.8, training_loss=np.full(400, 0.05 * 0.8**2))
    assert not found(RULE, training(site("mse_loss", "relu", "addmm"), numbers))


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_an_activation_under_a_log_softmax_squeezes_as_well(activation) -> None:
    assert found(RULE, training(site("nll_loss", "log_softmax", activation, "addmm"), {"loss_input_max": -1.4}))
    assert not found(RULE, training(site("nll_loss", "log_softmax", "addmm", activation), {"loss_input_max": -0.1}))


@pytest.mark.parametrize(
    "operations", [("mul", "tanh"), ("addmm", "relu"), ("leaky_relu", "addmm"), ("add", "mul", "sigmoid"), ()]
)
def test_silent_on_rescaled_and_unbounded_outputs(operations) -> None:
    assert not found(RULE, training(site("mse_loss", *operations), targets(-9, 9, 0, 4)))


def test_silent_on_constant_targets_and_without_targets() -> None:
    assert not found(RULE, training(site("mse_loss", "tanh", "addmm"), targets(5, 5, 5, 0.0)))
    assert not found(RULE, training(site("mse_loss", "relu", "addmm")))


def test_a_softmax_over_one_unit_is_an_error() -> None:
    one = {"input_shape": (32, 1)}
    for function in ("mse_loss", "binary_cross_entropy"):
        assert found(RULE, training(site(function, "softmax", "addmm", **one), targets(0, 1, 0.5, 0.5)))
        assert not found(RULE, training(site(function, "sigmoid", "addmm", **one), targets(0, 1, 0.5, 0.5)))


# logits of classes


@pytest.mark.parametrize(
    ("activation", "low", "high", "floor"), [("sigmoid", 0.1, 0.9, "1.46"), ("tanh", -0.9, 0.9, "0.80")]
)
def test_squeezed_logits_are_an_error_with_the_loss_they_can_reach(activation, low, high, floor) -> None:
    numbers = {"loss_input_min": low, "loss_input_max": high}
    (finding,) = found(RULE, training(site("cross_entropy", activation, "addmm"), numbers))
    assert finding.severity == "error" and floor in finding.message


@pytest.mark.parametrize(("end", "severity"), [(0.2, "warning"), (2.0, "error")])
def test_a_relu_on_logits_is_an_error_where_little_was_learnt(end, severity) -> None:
    numbers = {"loss_input_min": 0.0, "loss_input_max": 9.0, "training_loss": line(2.3, end)}
    (finding,) = found(RULE, training(site("cross_entropy", "relu", "addmm"), numbers))
    assert finding.severity == severity


@pytest.mark.parametrize(
    "operations",
    [("addmm", "relu"), ("mul", "tanh"), ("mean", "relu"), ("log_softmax",), ("leaky_relu",), ("softplus",)],
)
def test_silent_on_raw_pooled_and_soft_capped_logits(operations) -> None:
    assert not found(
        RULE, training(site("cross_entropy", *operations), {"loss_input_min": -5.0, "loss_input_max": 9.0})
    )


def test_numbers_beyond_the_activation_s_range_speak_against_it() -> None:
    assert not found(RULE, training(site("cross_entropy", "tanh"), {"loss_input_min": -30.0, "loss_input_max": 30.0}))


# log-probabilities


@pytest.mark.parametrize("operations", [("exp", "addmm"), ("softmax", "addmm"), ()])
@pytest.mark.parametrize("function", ["nll_loss", "kl_div"])
def test_numbers_above_zero_are_no_log_probabilities(function, operations) -> None:
    (finding,) = found(RULE, training(site(function, *operations), {"loss_input_max": 0.9}))
    assert finding.severity == "error" and "0.9" in finding.message


@pytest.mark.parametrize(
    ("operations", "top"),
    [
        (("log_softmax", "addmm"), 0.0),
        (("log", "softmax", "addmm"), 0.0),
        (("sub", "addmm"), -0.01),
        (("log_softmax",), 0.5),
        ((), 0.009),
    ],
)
def test_silent_on_log_probabilities(operations, top) -> None:
    assert not found(RULE, training(site("nll_loss", *operations), {"loss_input_max": top, "loss_input_min": -20.0}))


def test_the_logarithm_of_a_relu_is_an_error() -> None:
    loss = site("nll_loss", "log", "clamp", "div", "relu", "addmm", "relu")
    (finding,) = found(RULE, training(loss, {"loss_input_max": 0.0, "loss_input_min": -16.1}))
    assert "relu" in finding.message
    loss = site("nll_loss", "log", "clamp", "softmax", "addmm", "relu")
    assert not found(RULE, training(loss, {"loss_input_max": 0.0, "loss_input_min": -16.1}))


# yes or no

LOGITS = "binary_cross_entropy_with_logits"


@pytest.mark.parametrize(
    ("function", "operations", "low", "high"),
    [
        (LOGITS, ("relu", "addmm"), 0.0, 5.0),
        (LOGITS, ("tanh", "addmm"), -0.9, 0.9),
        ("binary_cross_entropy", ("sigmoid", "relu", "addmm"), 0.5, 0.99),
        ("binary_cross_entropy", ("sigmoid", "sigmoid", "addmm"), 0.51, 0.72),
        ("binary_cross_entropy", ("sigmoid", "tanh", "addmm"), 0.28, 0.73),
    ],
)
def test_two_activations_before_a_probability_are_an_error(function, operations, low, high) -> None:
    numbers = {"loss_input_min": low, "loss_input_max": high}
    (finding,) = found(RULE, training(site(function, *operations, input_shape=(32, 1)), numbers))
    assert finding.severity == "error"


@pytest.mark.parametrize(
    ("function", "operations", "low", "high"),
    [
        (LOGITS, ("addmm", "relu"), -5.0, 5.0),
        (LOGITS, ("sigmoid", "addmm"), 0.1, 0.9),
        ("binary_cross_entropy", ("sigmoid", "addmm", "relu"), 0.01, 0.99),
        ("binary_cross_entropy", ("sigmoid", "mul", "tanh"), 0.01, 0.99),
        ("binary_cross_entropy", ("sigmoid", "tanh", "addmm"), 0.01, 0.99),
    ],
)
def test_silent_on_one_activation_or_another_fault(function, operations, low, high) -> None:
    numbers = {"loss_input_min": low, "loss_input_max": high}
    assert not found(RULE, training(site(function, *operations, input_shape=(32, 1)), numbers))


# samples


def gan(activation, low, high, mean=0.0, std=0.5):
    layers = [
        layer("G.out", "activation", activation.title(), activation=activation, shape=(32, 64), network="G"),
        layer("D.out", "linear", "Linear", shape=(32, 1), network="D"),
    ]
    numbers = {"input_min": low, "input_max": high, "input_mean": mean, "input_std": std}
    made = {("input_min", "D:0#2"): 0.0, ("input_max", "D:0#2"): 0.3, ("input_mean", "D:0#2"): 0.0, ("input_std", "D:0#2"): 0.1}
    recorded = training(
        site("binary_cross_entropy_with_logits", "addmm"),
        {(name, "D:0"): value for name, value in numbers.items()} | made,
        kind="gan", layers=layers, networks=["G", "D"],
    )  # fmt: skip
    recorded.inputs = tuple(InputSite(id, id[0], (32, 16 if id[0] == "G" else 64), "float32") for id in ("G:0", "D:0", "D:0#2"))
    return found(RULE, recorded)


@pytest.mark.parametrize(
    ("activation", "low", "high", "std", "severity"),
    [
        ("tanh", -3.0, 3.0, 1.5, "error"),
        ("tanh", -1.0, 1.0, 0.5, None),
        ("tanh", 0.0, 1.0, 0.3, None),
        ("tanh", -1.2, 1.2, 0.6, None),  # noise at the bound
        ("tanh", -0.4, 2.8, 0.9, "warning"),
        ("sigmoid", -1.0, 1.0, 0.8, "error"),
        ("relu", 0.0, 9.0, 2.0, None),
    ],
)
def test_a_generator_that_cannot_reach_the_real_samples(activation, low, high, std, severity) -> None:
    mean = -0.13 if severity == "warning" else 0.0
    seen = gan(activation, low, high, mean, std)
    assert [f.severity for f in seen] == ([severity] if severity else [])
    assert all(f.places == ("G.out",) for f in seen)


def test_noise_is_out_of_reach_of_a_tanh_on_both_sides() -> None:
    numbers = {"training_loss": 0.34}
    (finding,) = found(RULE, training(site("mse_loss", "tanh", "addmm"), targets(-3.4, 3.4) | numbers))
    assert finding.severity == "error"


# shares of one


@pytest.mark.parametrize(("function", "mean", "speaks"), [
    ("binary_cross_entropy", 0.31, True), ("mse_loss", 0.31, True), ("mse_loss", 0.1, False), ("binary_cross_entropy", 0.105, False),
    ("mse_loss", 0.02, True),
])  # fmt: skip
def test_a_softmax_against_targets_that_are_no_shares(function, mean, speaks) -> None:
    loss = site(function, "softmax", "addmm", target_shape=(32, 10), target_dtype="float32")
    findings = found(RULE, training(loss, targets(0, 1, mean, 0.3, loss_input_row_sum_error=1e-7)))
    assert bool(findings) is speaks
    assert all(f"sum to {10 * mean:.3g}" in finding.message for finding in findings)


def test_a_softmax_along_another_axis_is_another_rules() -> None:
    loss = site("mse_loss", "softmax", "addmm", target_shape=(32, 10), target_dtype="float32")
    assert not found(RULE, training(loss, targets(0, 1, 0.31, 0.3, loss_input_row_sum_error=0.7)))


# a recurrent state as the answer


def state(kind, hidden=1, operations=()):
    lstm = layer("net.fc", "recurrent", kind, shape=(32, 24, 1), settings={"hidden_size": hidden, "batch_first": True})
    return {"layers": [lstm], "edges": [Edge("net.fc", "loss", operations)]}


@pytest.mark.parametrize("kind", ["LSTM", "GRU"])
def test_a_recurrent_state_before_targets_out_of_its_reach(kind) -> None:
    loss = site("mse_loss", "mkldnn_rnn_layer", input_shape=(32, 1), target_shape=(32, 1))
    (finding,) = found(RULE, training(loss, targets(-1.5, 4.0), **state(kind)))
    assert finding.severity == "error" and "linear layer" in finding.fix.text
    assert not found(RULE, training(loss, targets(-0.9, 0.95, 0.0, 0.4), **state(kind)))


def test_a_projected_state_or_one_that_is_scaled_has_other_bounds() -> None:
    loss = site("mse_loss", "mkldnn_rnn_layer", input_shape=(32, 1), target_shape=(32, 1))
    assert not found(RULE, training(loss, targets(-1.5, 4.0), **state("LSTM", hidden=8)))
    assert not found(RULE, training(loss, targets(-1.5, 4.0), **state("LSTM", operations=("mul",))))
