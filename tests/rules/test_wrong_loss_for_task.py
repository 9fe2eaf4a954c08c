"""wrong-loss-for-task: the loss function against the targets it is given."""

import numpy as np
import pytest
from hand_built import LINE, found, line, site, training

RULE = "wrong-loss-for-task"


def targets(low, high, mean, std, **more):
    return {
        "loss_target_min": low, "loss_target_max": high, "loss_target_mean": mean, "loss_target_std": std,
        "loss_target_integer_share": 1.0,
    } | more  # fmt: skip


# one class


def test_cross_entropy_over_one_unit_is_an_error() -> None:
    loss = site("cross_entropy", "addmm", input_shape=(32, 1), target_shape=(32, 1), target_dtype="float32")
    (finding,) = found(RULE, training(loss, {"training_loss": np.zeros(400)}))
    assert (finding.severity, finding.places, finding.source) == ("error", ("net.fc",), LINE)
    assert finding.evidence[0].quantity == "training_loss"


def test_also_where_the_loss_was_not_recorded_and_for_nll() -> None:
    assert found(RULE, training(site("nll_loss", "log_softmax", input_shape=(32, 1))))


@pytest.mark.parametrize("shape", [(32, 2), (32, 10), (32, 3, 8, 8), (10,)])
def test_two_classes_are_enough(shape) -> None:
    assert not found(RULE, training(site("cross_entropy", "addmm", input_shape=shape)))


# targets outside [0, 1] in binary cross entropy

BINARY = ["binary_cross_entropy", "binary_cross_entropy_with_logits"]


@pytest.mark.parametrize("function", BINARY)
def test_three_classes_in_one_unit_are_an_error(function) -> None:
    (finding,) = found(RULE, training(site(function, "addmm", input_shape=(32, 1)), targets(0, 2, 1, 0.8)))
    assert finding.severity == "error" and finding.fix is not None
    assert "3 classes need 3 output units" in finding.fix.text


def test_labels_of_minus_one_and_one_are_an_error() -> None:
    (finding,) = found(RULE, training(site(BINARY[1], "addmm"), targets(-1, 1, 0, 1.0)))
    assert finding.fix is not None and "(target + 1) / 2" in (finding.fix.code or "")


@pytest.mark.parametrize(
    ("low", "high", "speaks"), [(0, 1, False), (0.1, 0.9, False), (0, 1.009, False), (0, 1.02, True), (-0.02, 1, True)]
)
def test_the_margin_is_a_hundredth(low, high, speaks) -> None:
    assert bool(found(RULE, training(site(BINARY[0], "sigmoid", "addmm"), targets(low, high, 0.5, 0.3)))) is speaks


# soft targets of cross entropy

SOFT = {"input_shape": (32, 4), "target_shape": (32, 4), "target_dtype": "float32"}


def test_several_labels_at_once_are_no_distribution() -> None:
    (finding,) = found(RULE, training(site("cross_entropy", "addmm", **SOFT), targets(0, 1, 0.4, 0.49)))
    assert finding.severity == "error" and "1.60" in finding.message


@pytest.mark.parametrize("mean", [0.25, 0.26, 0.2])
def test_distributions_and_masked_rows_are_fine(mean) -> None:
    assert not found(RULE, training(site("cross_entropy", "addmm", **SOFT), targets(0, 1, mean, 0.4)))


def test_quantities_are_no_distribution() -> None:
    assert found(RULE, training(site("cross_entropy", "addmm", **SOFT), targets(-2, 2, 0.0, 1.0)))
    assert found(RULE, training(site("cross_entropy", "addmm", **SOFT), targets(0, 7, 3.0, 1.0)))


# labels as numbers

ONE_HOT = {"input_shape": (32, 4), "target_shape": (32, 4), "target_dtype": "float32"}
SPREAD = {"loss_target_std_across": 0.433}


def test_a_squared_error_on_one_hot_rows_that_does_not_learn_is_a_warning() -> None:
    numbers = targets(0, 1, 0.25, 0.433, training_loss=np.full(400, 0.13), **SPREAD)
    (finding,) = found(RULE, training(site("mse_loss", "softmax", "addmm", **ONE_HOT), numbers))
    assert finding.severity == "warning" and "one-hot rows of 4" in finding.message
    assert finding.fix is not None and finding.fix.code == "loss = F.cross_entropy(output, target.argmax(1))"


def test_one_that_learns_nothing_is_an_error() -> None:
    numbers = targets(0, 1, 0.25, 0.433, training_loss=np.full(400, 0.18), **SPREAD)
    (finding,) = found(RULE, training(site("mse_loss", "softmax", "addmm", **ONE_HOT), numbers))
    assert finding.severity == "error"


def test_one_that_learns_is_only_noted() -> None:
    numbers = targets(0, 1, 0.25, 0.433, training_loss=line(0.25, 0.01), **SPREAD)
    (finding,) = found(RULE, training(site("mse_loss", "softmax", "addmm", **ONE_HOT), numbers))
    assert finding.severity == "note" and finding.confidence <= 0.5


@pytest.mark.parametrize(("level", "severity"), [(0.49, "note"), (0.51, "warning")])
def test_half_of_what_there_was_to_learn_is_the_limit(level, severity) -> None:
    numbers = targets(0, 1, 0.25, 0.433, training_loss=np.full(400, level * 0.433**2), **SPREAD)
    (finding,) = found(RULE, training(site("mse_loss", "addmm", **ONE_HOT), numbers))
    assert finding.severity == severity


def test_several_labels_at_once_are_quantities_to_a_squared_error() -> None:
    varying = 0.25 + 0.05 * np.sin(np.arange(40))
    numbers = targets(0, 1, varying, 0.433, training_loss=line(0.25, 0.18), **SPREAD)
    assert not found(RULE, training(site("mse_loss", "addmm", **ONE_HOT), numbers))


SINGLE = {"input_shape": (32, 1), "target_shape": (32, 1), "target_dtype": "float32"}
TEN = 99 / 12  # variance of the numbers 0 to 9


def test_digits_as_numbers_that_are_not_learnt_are_a_warning() -> None:
    numbers = targets(0, 9, 4.5, TEN**0.5, training_loss=np.full(400, 5.0), loss_target_std_across=TEN**0.5)
    (finding,) = found(RULE, training(site("mse_loss", "addmm", **SINGLE), numbers, kind="regression"))
    assert finding.severity == "warning" and finding.fix is not None and "10 output units" in finding.fix.text


@pytest.mark.parametrize(
    ("low", "high", "mean", "std"),
    [(0, 12, 3.0, 1.7), (25, 346, 152, 77), (0, 9, 2.0, 2.0), (3, 8, 5.6, 0.8), (0, 99, 49.5, 28.9)],
    ids=["counts", "diabetes", "skewed", "ratings", "many"],
)
def test_counts_ages_and_ratings_are_quantities(low, high, mean, std) -> None:
    numbers = targets(low, high, mean, std, training_loss=np.full(400, 0.9 * std**2), loss_target_std_across=std)
    assert not found(RULE, training(site("mse_loss", "addmm", **SINGLE), numbers, kind="regression"))


def test_fractions_are_quantities() -> None:
    numbers = targets(0, 9, 4.5, TEN**0.5, training_loss=line(30, 6), loss_target_std_across=TEN**0.5)
    numbers["loss_target_integer_share"] = 0.99
    assert not found(RULE, training(site("mse_loss", "addmm", **SINGLE), numbers, kind="regression"))


@pytest.mark.parametrize(("left", "speaks"), [(0.01, False), (0.05, True), (0.21, True)])
def test_digits_that_a_regression_learns_are_left_alone_where_rounding_finds_them(left, speaks) -> None:
    numbers = targets(0, 9, 4.5, TEN**0.5, training_loss=np.full(400, left * TEN), loss_target_std_across=TEN**0.5)
    assert bool(found(RULE, training(site("mse_loss", "addmm", **SINGLE), numbers, kind="regression"))) is speaks


@pytest.mark.parametrize(("left", "speaks"), [(0.4, False), (0.6, True)])
def test_ratings_from_one_to_five_may_be_quantities(left, speaks) -> None:
    numbers = targets(1, 5, 3, 2**0.5, training_loss=np.full(400, left * 2), loss_target_std_across=2**0.5)
    assert bool(found(RULE, training(site("mse_loss", "addmm", **SINGLE), numbers, kind="regression"))) is speaks


@pytest.mark.parametrize("kind", ["gan", "autoencoder", "vae", "reinforcement", "distillation"])
def test_kinds_whose_targets_are_numbers_by_nature_are_left_alone(kind) -> None:
    numbers = targets(0, 1, 0.5, 0.5, training_loss=np.full(400, 0.25), loss_target_std_across=0.5)
    assert found(RULE, training(site("mse_loss", "sigmoid", "addmm", **SINGLE), numbers, kind="unknown"))
    assert not found(RULE, training(site("mse_loss", "sigmoid", "addmm", **SINGLE), numbers, kind=kind))


def test_silent_without_targets() -> None:
    for function in ("mse_loss", "cross_entropy", "binary_cross_entropy", "custom"):
        assert not found(RULE, training(site(function, "addmm")))


# raw scores


def test_the_negated_score_of_a_class_is_no_loss() -> None:
    (finding,) = found(RULE, training(site("nll_loss", "addmm", "relu"), {"loss_input_max": 13.6}))
    assert finding.severity == "error" and "13.6" in finding.message
    assert finding.fix is not None and finding.fix.code == "loss = F.cross_entropy(output, target)"


@pytest.mark.parametrize(
    ("operations", "top"), [(("log_softmax", "addmm"), 0.0), (("addmm",), 0.0), (("softmax", "addmm"), 0.9), ((), 5.0)]
)
def test_silent_on_log_probabilities_and_other_faults(operations, top) -> None:
    assert not found(RULE, training(site("nll_loss", *operations), {"loss_input_max": top}))


# margins


@pytest.mark.parametrize("function", ["soft_margin_loss", "hinge_embedding_loss", "cosine_embedding_loss"])
@pytest.mark.parametrize(("low", "speaks"), [(0.0, True), (-1.0, False)])
def test_a_loss_of_margins_given_0_and_1(function, low, speaks) -> None:
    loss = site(function, "addmm", input_shape=(32,), target_shape=(32,), target_dtype="float32")
    findings = found(RULE, training(loss, targets(low, 1.0, 0.4, 0.5)))
    assert [f.severity for f in findings] == (["error"] if speaks else [])


def test_the_fix_names_what_the_loss_is_given() -> None:
    of_pairs, of_one = (
        found(RULE, training(site(name, "addmm", input_shape=(32,), target_shape=(32,)), targets(0.0, 1.0, 0.4, 0.5)))[0]
        for name in ("cosine_embedding_loss", "soft_margin_loss")
    )
    assert of_pairs.fix and of_pairs.fix.code == "loss = F.cosine_embedding_loss(first, second, 2 * target - 1)"
    assert of_one.fix and of_one.fix.code == "loss = F.soft_margin_loss(output, 2 * target - 1)"


@pytest.mark.parametrize(("end", "severity"), [(0.2, "note"), (1.0, "error")])
def test_a_ranking_of_1_and_0_may_have_the_other_order_among_its_pairs(end, severity) -> None:
    loss = site("margin_ranking_loss", "addmm", input_shape=(32,), target_shape=(32,))
    course = {"loss": np.linspace(1.0, end, 400), "training_loss": np.linspace(1.0, end, 400)}
    (finding,) = found(RULE, training(loss, targets(0.0, 1.0, 0.4, 0.5) | course))
    assert finding.severity == severity


def test_beside_another_loss_a_0_may_leave_pairs_out() -> None:
    pairs = site("cosine_embedding_loss", "addmm", input_shape=(32, 8), target_shape=(32, 8))
    other = site("cross_entropy", "addmm", id="other")
    (finding,) = found(RULE, training([pairs, other], targets(0.0, 1.0, 0.4, 0.5)))
    assert finding.severity == "note"


# an absolute error of targets that are mostly equal


@pytest.mark.parametrize(
    ("answer", "across", "mean", "made_by", "speaks"),
    [
        (0.0, 0.001, 0.5, "addmm", True),
        (0.0, 0.001, 1.5, "addmm", False),  # spread about their mean: half of them are not 0
        (0.4, 0.001, 0.5, "addmm", False),  # some other constant
        (0.0, 0.5, 0.5, "addmm", False),  # answers that differ
        (0.0, 0.001, 0.5, "relu", False),  # an activation made the zeros
    ],
)
def test_the_median_of_mostly_zeros(answer: float, across: float, mean: float, made_by: str, speaks: bool) -> None:
    given = targets(0, 5, mean, 1.2) | {"loss_input_mean": answer, "loss_input_std_across": across}
    assert bool(found(RULE, training(site("l1_loss", made_by, input_shape=(32,), target_shape=(32,)), given))) is speaks
    assert not found(RULE, training(site("mse_loss", made_by, input_shape=(32,), target_shape=(32,)), given))


# the rate of a Poisson distribution, or its logarithm


@pytest.mark.parametrize(
    ("log_input", "made_by", "least", "target", "speaks"),
    [
        (True, "softplus", 0.04, 0.0, True),
        (True, "addmm", -1.0, 0.0, False),
        (True, "softplus", 0.04, 3.0, False),  # all rates may be above 1
        (False, "softplus", 0.04, 0.0, False),
        (False, "addmm", -0.3, 0.0, True),
        (False, "addmm", 0.2, 0.0, False),  # kept positive in some way that is not seen
        (None, "softplus", 0.04, 0.0, False),
    ],
)
def test_a_rate_or_its_logarithm(log_input: bool | None, made_by: str, least: float, target: float, speaks: bool) -> None:
    loss = site("poisson_nll_loss", made_by, arguments={} if log_input is None else {"log_input": log_input})
    given = targets(target, 9, 4, 2) | {"loss_input_min": least}
    assert bool(found(RULE, training(loss, given))) is speaks
