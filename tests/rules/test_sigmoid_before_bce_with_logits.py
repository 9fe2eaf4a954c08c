"""sigmoid-before-bce-with-logits: by the operation and the range of what the loss was given."""

import pytest
from hand_built import LINE, found, line, site, training

RULE = "sigmoid-before-bce-with-logits"
LOGITS = "binary_cross_entropy_with_logits"
UNIT = {"loss_input_min": line(0.4, 0.01, 40), "loss_input_max": line(0.6, 0.99, 40)}


def test_a_sigmoid_under_bce_with_logits_is_an_error() -> None:
    (finding,) = found(RULE, training(site(LOGITS, "sigmoid", "convolution", "relu"), UNIT))
    assert (finding.severity, finding.places, finding.source) == ("error", ("net.fc",), LINE)
    assert "0.01 to 0.99" in finding.message


def test_a_softmax_is_as_wrong() -> None:
    (finding,) = found(RULE, training(site(LOGITS, "softmax", "addmm"), UNIT))
    assert "softmax" in finding.message


def test_the_operation_alone_is_enough() -> None:
    assert found(RULE, training(site(LOGITS, "sigmoid", "addmm")))


@pytest.mark.parametrize(
    "losses",
    [
        site(LOGITS, "addmm", "sigmoid"),
        site(LOGITS, "addmm", "relu"),
        site(LOGITS, "log", "sigmoid", "addmm"),
        site("binary_cross_entropy", "sigmoid", "addmm"),
        site("mse_loss", "sigmoid", "addmm"),
        site(LOGITS, "sigmoid", "addmm", role="evaluation"),
    ],
    ids=lambda s: f"{s.function}-{'-'.join(s.operations)}-{s.role}",
)
def test_silent_where_it_is_right(losses) -> None:
    assert not found(RULE, training(losses, UNIT))


def test_a_scaled_sigmoid_leaves_the_unit_interval() -> None:
    assert not found(RULE, training(site(LOGITS, "mul", "sigmoid", "addmm"), UNIT | {"loss_input_max": 1.01}))
    assert not found(RULE, training(site(LOGITS, "sub", "sigmoid", "addmm"), UNIT | {"loss_input_min": -0.5}))


def test_unseen_operations_need_a_range_that_moves_within_the_unit_interval() -> None:
    (finding,) = found(RULE, training(site(LOGITS), UNIT))
    assert finding.confidence < 0.9
    assert not found(RULE, training(site(LOGITS), UNIT | {"loss_input_max": line(0.6, 1.2, 40)}))
    assert not found(RULE, training(site(LOGITS), {"loss_input_min": 0.5, "loss_input_max": 0.52}))
    four = {name: values[:4] for name, values in UNIT.items()}
    assert not found(RULE, training(site(LOGITS), four)) and found(RULE, training(site(LOGITS), four), min_snapshots=4)
