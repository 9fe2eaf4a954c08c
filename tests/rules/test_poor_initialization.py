import numpy as np
import pytest
from made import LN2, falling, findings, flat, made, mlp, per, replace

from diagnose.run import Layer, Parameter

RULE = "poor-initialization"


def drawn(std: float, factor: float, *, activation: str = "relu", **change: object):
    """Six layers of 100 units drawn with `std`, each of which multiplies the signal by `factor` at first."""
    layers, parameters = mlp(6, 100, activation, std)
    linear = [layer for layer in layers if layer.role == "linear"]
    return made(per("batch_std", linear, lambda i: factor**i), layers=layers, parameters=parameters, **change)


@pytest.mark.parametrize(
    ("std", "factor", "loud"),
    [
        (0.03, 0.2, True),  # gain 0.3 where √2 is asked for
        (0.03, 0.6, False),  # 0.6⁶ = 0.05: the signal passes
        (0.08, 0.2, False),  # gain 0.8: more than half of √2
        (0.0577, 0.2, False),  # PyTorch's default is never blamed
        (0.4, 4.0, True),
        (0.25, 4.0, False),
        (0.03, 4.0, False),  # too small does not explain growth
    ],
)
def test_both_the_weights_and_the_signal_must_be_off(std: float, factor: float, loud: bool) -> None:
    assert bool(findings(RULE, drawn(std, factor))) is loud


@pytest.mark.parametrize(("factor", "loud"), [(0.2, False), (0.05, True)])
def test_what_sigmoids_take_is_not_the_weights_doing(factor: float, loud: bool) -> None:
    assert bool(findings(RULE, drawn(0.03, factor, activation="sigmoid"))) is loud  # of 0.25⁶ a hundredth is left, or less


def test_silent_where_the_loss_falls() -> None:
    assert not findings(RULE, drawn(0.03, 0.2, loss=falling()))


def test_weights_off_by_orders_of_magnitude_are_warned_of_even_where_the_loss_falls() -> None:
    (finding,) = findings(RULE, drawn(1e-4, 0.2, loss=falling()))
    assert finding.severity == "warning" and finding.confidence == 0.75
    assert not findings(RULE, drawn(1e-4, 0.6, loss=falling()))  # normalisation carries the signal


@pytest.mark.parametrize(("low", "decay", "loud"), [(0.1, 3, False), (0.1, 20, True), (0.5, 3, True)])
def test_a_first_loss_that_costs_much_of_the_training(low: float, decay: float, loud: bool) -> None:
    """It comes down slowly, or not far."""
    layers, parameters = mlp(3, 100, std=1.0)
    linear = [layer for layer in layers if layer.role == "linear"]
    loss = low + (5.0 - low) * np.exp(-np.arange(200) / decay)
    assert bool(findings(RULE, made(per("batch_std", linear, 1.0), layers=layers, parameters=parameters, loss=loss))) is loud


def test_message_has_the_right_deviation_for_the_layer() -> None:
    (finding,) = findings(RULE, drawn(0.03, 0.2))
    assert "0.03, 0.21 times what keeps the signal (0.14)" in finding.message
    assert finding.fix and finding.fix.code and "kaiming_normal_" in finding.fix.code


def normalised(std: float, start: float = 5.0):
    """Normalisation keeps the signal; the first loss tells that the weights are large."""
    layers, parameters = mlp(3, 100, std=std)
    linear = [layer for layer in layers if layer.role == "linear"]
    loss = LN2 + (start - LN2) * np.exp(-np.arange(200) / 30)
    return made(per("batch_std", linear, 1.0), layers=layers, parameters=parameters, loss=loss)


@pytest.mark.parametrize(
    ("std", "start", "loud"), [(1.0, 5.0, True), (0.14, 5.0, False), (0.0577, 5.0, False)]
)
def test_large_weights_behind_normalisation_show_in_the_first_loss(std: float, start: float, loud: bool) -> None:
    assert bool(findings(RULE, normalised(std, start))) is loud


@pytest.mark.parametrize(("share", "loud"), [(0.6, True), (0.4, False)])
def test_one_layer_far_too_large_whose_activation_starts_saturated(share: float, loud: bool) -> None:
    layers, parameters = mlp(1, 100, "sigmoid")
    parameters[0] = replace(parameters[0], initial={"mean": 0.0, "std": 4.0})
    given = {("batch_std", layers[0].path): 1.0, ("saturated_share", "net.act0"): share}
    assert bool(findings(RULE, made(given, layers=layers, parameters=parameters))) is loud


def test_overflow_counts_as_suffering() -> None:
    loss = flat()
    loss[3:] = np.nan
    assert findings(RULE, drawn(3.0, 1e3, loss=loss))


@pytest.mark.parametrize(("std", "left", "loud"), [(1.0, 0.9, True), (1.0, 0.3, False), (0.2, 0.9, False)])
def test_layers_drawn_too_large_are_warned_of_where_little_was_learnt(std: float, left: float, loud: bool) -> None:
    """Behind normalisation the first loss is small all the same, and each step the smaller for the weight's size."""
    layers, parameters = mlp(3, 100, std=std)
    linear = [layer for layer in layers if layer.role == "linear"]
    loss = LN2 * np.linspace(1.2, left - 0.05, 200)
    found = findings(RULE, made(per("batch_std", linear, 1.0), layers=layers, parameters=parameters, loss=loss))
    assert [finding.severity for finding in found] == (["warning"] if loud else [])
    if loud:
        assert "of what a constant loses is left" in found[0].message


@pytest.mark.parametrize(
    ("std", "out", "loud"), [(1e-3, 1e-4, True), (0.0, 1e-4, True), (1e-3, 0.1, False), (0.03, 1e-4, False), (0.0577, 1e-4, False)]
)
def test_two_layers_drawn_so_small_that_all_samples_look_alike(std: float, out: float, loud: bool) -> None:
    layers, parameters = mlp(1, 100, std=std)
    found = findings(RULE, made({("batch_std", "net.out"): out}, layers=layers, parameters=parameters, loss=falling()))
    assert bool(found) is loud
    if loud:
        assert "differ by 1.0e-04 between samples" in found[0].message and found[0].severity == "warning"


def test_a_small_last_layer_alone_is_a_choice() -> None:
    layers, parameters = mlp(3, 100, std=0.0577)
    parameters = [replace(p, initial={"mean": 0.0, "std": 1e-3}) if p.layer == "net.out" else p for p in parameters]
    assert not findings(RULE, made({("batch_std", "net.out"): 1e-4}, layers=layers, parameters=parameters))


def test_a_parameter_of_its_own_may_be_drawn_as_it_likes() -> None:
    layers, parameters = mlp(1, 100)
    drawn = {"mean": 0.0, "std": 1.0}
    own = [replace(parameters[0], path=f"net.{name}", layer="", initial=drawn) for name in ("position", "query")]
    assert not findings(RULE, made({}, layers=layers, parameters=[*parameters, *own], loss=LN2 * np.linspace(1.2, 0.9, 200)))


@pytest.mark.parametrize(("std", "start", "loud"), [(1.0, 200.0, True), (1.0, 20.0, False), (0.1, 200.0, False)])
def test_a_loss_without_a_known_guess_that_came_down_from_far_above(std: float, start: float, loud: bool) -> None:
    layers, parameters = mlp(3, 100, std=std)
    linear = [layer for layer in layers if layer.role == "linear"]
    loss = 1 + start * np.exp(-np.arange(200) / 20)
    found = findings(RULE, made(per("batch_std", linear, 1.0), layers=layers, parameters=parameters, loss=loss, losses=()))
    assert [finding.severity for finding in found] == (["warning"] if loud else [])


def one_sided(mean: float, std: float, low: float, *, start: float = 0.9, end: float = 0.9, layers: int = 2, loss=None):
    """`layers` weights drawn like this before a tanh that is saturated from `start` to `end`; the loss falls unless it is given."""
    net, parameters = mlp(3, 80, "tanh")
    drawn = {"mean": mean, "std": std, "min": low, "max": mean + 2 * std}
    weights = [p for p in parameters if p.path.endswith("weight")][:layers]
    parameters = [replace(p, initial=drawn) if p in weights else p for p in parameters]
    shares = [start] * 10 + [end] * 10
    return made({("saturated_share", "net.act1"): shares}, layers=net, parameters=parameters, loss=falling() if loss is None else loss)


def test_weights_of_one_sign_that_saturate_an_activation_for_good_are_warned_of() -> None:
    (finding,) = findings(RULE, one_sided(0.5, 0.29, 0.0))
    assert finding.severity == "warning" and finding.places == ("net.0", "net.1")
    assert "all positive (0.5 +- 0.29)" in finding.message and "90% of net.act1 starts at its flat ends" in finding.message


@pytest.mark.parametrize(
    "change",
    [
        {"end": 0.4},  # it comes out of saturation
        {"start": 0.4},
        {"layers": 1},
        {"low": -0.1},
        {"mean": 0.02, "std": 0.14},  # the identity in a recurrent layer: mostly zeros
        {"std": 1e-9},  # one constant: symmetric-initialization
    ],
)
def test_weights_of_one_sign_need_every_sign(change: dict[str, float]) -> None:
    assert not findings(RULE, one_sided(**({"mean": 0.5, "std": 0.2, "low": 0.0} | change)))


def test_weights_of_one_sign_where_the_loss_is_stuck_are_an_error() -> None:
    (finding,) = findings(RULE, one_sided(0.5, 0.29, 0.0, loss=flat()))
    assert finding.severity == "error" and finding.confidence == 0.9


@pytest.mark.parametrize(("std", "back", "loud"), [(1.0, 20.0, True), (1.0, 1.5, False), (0.125, 20.0, False)])
def test_a_cell_whose_gradient_explodes_along_time_from_the_start(std: float, back: float, loud: bool) -> None:
    """Each call further back has `back` times the gradient; 64 inputs want a deviation of 0.125."""
    calls = [Layer("net.cell" + (f"#{i}" if i > 1 else ""), "Cell", "other", shape=(32, 64), parameters=("net.cell.u", "net.cell.w"))
             for i in range(1, 5)]  # fmt: skip
    drawn = {"mean": 0.0, "std": std}
    parameters = [Parameter(f"net.cell.{n}", "net.cell", (64, 64), 4096, reached=True, optimizer=0, fan_in=64, initial=drawn)
                  for n in ("u", "w")]  # fmt: skip
    gradients = per("output_gradient_norm", calls, lambda i: back ** (3 - i))
    assert bool(findings(RULE, made(gradients, layers=calls, parameters=parameters, loss=flat(level=LN2)))) is loud
