"""loss-shape-broadcast: by the shapes of prediction and target, or the shape of a hand-written difference."""

import pytest
from hand_built import found, site, training

from diagnose.run import Edge, Layer

RULE = "loss-shape-broadcast"


@pytest.mark.parametrize("function", ["mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss"])
@pytest.mark.parametrize(("given", "target"), [((32, 1), (32,)), ((32,), (32, 1)), ((8, 4, 1), (4, 8))])
def test_more_comparisons_than_predictions_are_an_error(function, given, target) -> None:
    (finding,) = found(RULE, training(site(function, "addmm", input_shape=given, target_shape=target)))
    assert finding.severity == "error" and finding.fix is not None


def test_the_message_counts_and_the_fix_squeezes() -> None:
    (finding,) = found(RULE, training(site("mse_loss", "addmm", input_shape=(32, 1), target_shape=(32,))))
    assert "(32, 1) against (32,) makes (32, 32), 1024 comparisons for 32" in finding.message
    assert finding.fix is not None and finding.fix.code == "loss = F.mse_loss(output.squeeze(1), target)"


@pytest.mark.parametrize(
    ("given", "target"),
    [((32, 1), (32, 1)), ((32,), (32,)), ((32, 3), (32, 1)), ((1, 1), (1,)), ((32, 10), (10,)), ((32, 4), (31,))],
)
def test_silent_on_equal_shapes_and_targets_that_serve_several_outputs(given, target) -> None:
    assert not found(RULE, training(site("mse_loss", "addmm", input_shape=given, target_shape=target)))


def test_one_prediction_for_several_targets_is_a_warning() -> None:
    (finding,) = found(RULE, training(site("mse_loss", "addmm", input_shape=(32, 1), target_shape=(32, 5))))
    assert finding.severity == "warning"


@pytest.mark.parametrize(
    ("given", "target", "length", "speaks"),
    [((50, 10), (50, 1), 10, True), ((50, 10), (50, 10), 10, False), ((50, 3), (50, 1), 10, False), ((50, 10), (50,), 10, False)],
)
def test_one_target_for_the_outputs_at_all_times_is_a_warning(given, target, length, speaks) -> None:
    lstm = Layer("net.lstm", "LSTM", "recurrent", shape=(50, length, 16))
    said = found(RULE, training(site("mse_loss", "addmm", input_shape=given, target_shape=target), layers=[lstm]))
    assert [f.severity for f in said] == (["warning"] if speaks else [])


def summed(bias=(32, 1), *, operation="add", square=None, samples=32.0, target=(32,)):
    """A prediction (32, 32) that a bias and a product of factors were added up to."""
    layers = [Layer("net.bias", "Embedding", "embedding", shape=bias), Layer("net.factors", "Embedding", "embedding", shape=square or (32, 4))]
    edges = [Edge("net.bias", "loss", ("add",)), Edge("net.factors", "loss", ("mul", "sum", "add"))]
    loss = site("mse_loss", operation, "embedding", input_shape=(32, 32), target_shape=target, layer="net.bias")
    return found(RULE, training(loss, {"samples": samples}, layers=layers, edges=edges))


@pytest.mark.parametrize("target", [(32,), (32, 1)])
def test_a_prediction_that_was_broadcast_before_is_an_error(target) -> None:
    (finding,) = summed(target=target)
    assert finding.severity == "error" and "1024 comparisons for 32 predictions" in finding.message


@pytest.mark.parametrize(
    "change",
    [
        {"bias": (32, 4)},  # no term with one number a sample
        {"operation": "mm"},  # all pairs are meant
        {"square": (32, 32)},  # as many outputs as samples
        {"samples": 64.0},
        {"target": (32, 32)},
    ],
)
def test_silent_on_squares_that_are_meant(change) -> None:
    assert not summed(**change)


def test_cross_entropy_is_no_elementwise_loss() -> None:
    assert not found(RULE, training(site("cross_entropy", "addmm", input_shape=(32, 10), target_shape=(32,))))


def custom(*shapes):
    return site("custom", input_shape=None, target_shape=None, shapes=shapes)


SAMPLES = {"samples": 32.0}


@pytest.mark.parametrize("operand", [("addmm", (32, 1)), ("squeeze", (32,))])
def test_a_hand_written_square_of_differences_is_an_error(operand) -> None:
    loss = custom(("mean", ()), ("pow", (32, 32)), ("sub", (32, 32)), operand)
    (finding,) = found(RULE, training(loss, SAMPLES))
    assert finding.severity == "error" and "1024" in finding.message


@pytest.mark.parametrize(
    "shapes",
    [
        (("mean", ()), ("pow", (32, 1)), ("sub", (32, 1)), ("addmm", (32, 1))),
        (("mean", ()), ("sub", (32, 32)), ("unsqueeze", (32, 1)), ("addmm", (32,))),
        (("mean", ()), ("div", (32, 32)), ("mm", (32, 32)), ("addmm", (32, 8))),
        (("mean", ()), ("sub", (32, 3)), ("addmm", (32, 3))),
        (("mean", ()), ("sub", (16, 16)), ("addmm", (16, 1))),
        (("mean", ()),),
        (),
    ],
)
def test_silent_on_equal_shapes_and_on_pairs_that_are_meant(shapes) -> None:
    assert not found(RULE, training(custom(*shapes), SAMPLES))
