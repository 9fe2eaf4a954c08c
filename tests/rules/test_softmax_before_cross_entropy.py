"""softmax-before-cross-entropy: by the operation, confirmed by the rows' sums."""

import pytest
from hand_built import LINE, found, line, site, training

RULE = "softmax-before-cross-entropy"
ROWS = {"loss_input_row_sum": 1.0, "loss_input_row_sum_error": 1e-6, "loss_input_min": 0.0, "loss_input_max": 0.9}


def test_a_softmax_under_cross_entropy_is_an_error() -> None:
    (finding,) = found(RULE, training(site("cross_entropy", "softmax", "addmm", "relu"), ROWS))
    assert (finding.severity, finding.places, finding.source) == ("error", ("net.fc",), LINE)
    assert "1.46" in finding.message  # ln(1 + 9/e)
    assert finding.steps == (0, 399) and finding.confidence > 0.9


def test_the_floor_is_that_of_its_number_of_classes() -> None:
    (finding,) = found(RULE, training(site("cross_entropy", "softmax", "addmm", input_shape=(32, 2)), ROWS))
    assert "0.31" in finding.message  # ln(1 + 1/e)


@pytest.mark.parametrize(("kind", "error", "speaks"), [("bfloat16", 2e-3, True), ("bfloat16", 1e-2, False), ("float32", 2e-3, False)])
def test_coarse_numbers_sum_to_one_as_nearly_as_they_can(kind, error, speaks) -> None:
    rows = ROWS | {"loss_input_row_sum_error": error}
    assert bool(found(RULE, training(site("cross_entropy", "softmax", "addmm", input_dtype=kind), rows))) is speaks


def test_also_where_the_probabilities_were_averaged_or_clamped() -> None:
    assert found(RULE, training(site("cross_entropy", "clamp", "softmax", "addmm"), ROWS))
    assert found(RULE, training(site("cross_entropy", "div", "add", "softmax"), ROWS))


@pytest.mark.parametrize(
    "losses",
    [
        site("cross_entropy", "addmm", "relu"),
        site("cross_entropy", "log_softmax", "addmm"),
        site("cross_entropy", "log", "softmax", "addmm"),
        site("cross_entropy", "mul", "tanh", "addmm"),
        site("nll_loss", "log_softmax", "addmm"),
        site("nll_loss", "log", "softmax", "addmm"),
        site("mse_loss", "softmax", "addmm"),
        site("binary_cross_entropy", "softmax", "addmm"),
        site("custom", "softmax", "addmm"),
        site("cross_entropy", "softmax", "addmm", role="evaluation"),
        site("cross_entropy", "softmax", "addmm", input_shape=(32, 1)),
    ],
    ids=lambda s: f"{s.function}-{'-'.join(s.operations)}",
)
def test_silent_where_it_is_right_or_another_fault(losses) -> None:
    assert not found(RULE, training(losses, ROWS))


def test_rows_that_do_not_sum_to_one_are_another_fault() -> None:
    assert not found(
        RULE, training(site("cross_entropy", "softmax", "addmm"), ROWS | {"loss_input_row_sum_error": 0.4})
    )
    limit = {"loss_input_row_sum_error": 1e-3}
    assert found(RULE, training(site("cross_entropy", "softmax", "addmm"), ROWS | limit))


def test_unseen_operations_are_judged_by_the_rows_alone_with_less_confidence() -> None:
    (finding,) = found(RULE, training(site("cross_entropy"), ROWS))
    assert finding.confidence < 0.9
    assert not found(RULE, training(site("cross_entropy"), ROWS | {"loss_input_min": -0.1}))
    assert not found(RULE, training(site("cross_entropy"), ROWS | {"loss_input_row_sum_error": line(1e-6, 0.1, 40)}))
    assert not found(RULE, training(site("cross_entropy"), {}))


def test_the_operation_alone_is_enough() -> None:
    (finding,) = found(RULE, training(site("cross_entropy", "softmax", "addmm")))
    assert finding.evidence[0].quantity == "softmax"


@pytest.mark.parametrize("function", ["nll_loss", "cross_entropy"])
def test_a_log_softmax_of_a_softmax_is_an_error(function) -> None:
    (finding,) = found(RULE, training(site(function, "log_softmax", "softmax", "addmm")))
    assert finding.severity == "error" and "1.46" in finding.message
    assert not found(RULE, training(site(function, "log_softmax", "addmm", "softmax")))
