"""wrong-softmax-dimension: rows that do not sum to 1, or an axis that is the samples'."""

from dataclasses import replace

import pytest
from hand_built import found, layer, site, training

RULE = "wrong-softmax-dimension"


def softmax(shape, dim, kind="softmax", path="net.fc"):
    return layer(path, "activation", "Softmax", activation=kind, shape=shape, settings={"dim": dim})


@pytest.mark.parametrize("function", ["cross_entropy", "binary_cross_entropy", "mse_loss"])
def test_rows_that_do_not_sum_to_one_are_an_error(function) -> None:
    (finding,) = found(RULE, training(site(function, "softmax", "addmm"), {"loss_input_row_sum_error": 1.7}))
    assert finding.severity == "error" and "1.7" in finding.message


@pytest.mark.parametrize(("error", "speaks"), [(1e-7, False), (0.009, False), (0.011, True)])
def test_the_limit_of_the_rows_sum(error, speaks) -> None:
    assert bool(found(RULE, training(site("mse_loss", "softmax"), {"loss_input_row_sum_error": error}))) is speaks


def test_a_log_softmax_along_the_batch_is_an_error_by_its_axis() -> None:
    (finding,) = found(
        RULE, training(site("nll_loss", "log_softmax", "addmm"), layers=[softmax((32, 10), 0, "log_softmax")])
    )
    assert (
        "axis 0 of (32, 10)" in finding.message and finding.fix is not None and finding.fix.code == "nn.Softmax(dim=1)"
    )


@pytest.mark.parametrize("dim", [1, -1, None])
def test_silent_along_the_classes(dim) -> None:
    assert not found(
        RULE, training(site("nll_loss", "log_softmax", "addmm"), layers=[softmax((32, 10), dim, "log_softmax")])
    )


def test_pixels_have_their_classes_on_axis_one() -> None:
    loss = site("nll_loss", "log_softmax", input_shape=(8, 4, 16, 16), target_shape=(8, 16, 16))
    assert found(RULE, training(loss, layers=[softmax((8, 4, 16, 16), -1, "log_softmax")]))
    assert not found(RULE, training(loss, layers=[softmax((8, 4, 16, 16), 1, "log_softmax")]))


def test_words_are_flattened_after_their_softmax() -> None:
    loss = site("nll_loss", "log_softmax", input_shape=(320, 50), target_shape=(320,))
    assert not found(RULE, training(loss, layers=[softmax((32, 10, 50), -1, "log_softmax")]))
    assert found(
        RULE, training(loss, layers=[softmax((32, 10, 50), None, "log_softmax")])
    )  # torch picks 0 of three axes


# inside the network


def test_attention_over_the_samples_is_an_error() -> None:
    inner = softmax((32, 12, 12), 0, path="net.attention")
    (finding,) = found(RULE, training(site("cross_entropy", "addmm"), {"samples": 32.0}, layers=[inner]))
    assert finding.places == ("net.attention",)


@pytest.mark.parametrize(
    ("shape", "dim"), [((32, 12, 12), -1), ((12, 32, 1), 0), ((32, 32, 1), 0), ((32,), 0), ((12, 12), 0)]
)
def test_silent_on_attention_along_time_or_keys(shape, dim) -> None:
    inner = softmax(shape, dim, path="net.attention")
    assert not found(RULE, training(site("cross_entropy", "addmm"), {"samples": 32.0}, layers=[inner]))


def test_silent_without_a_softmax() -> None:
    assert not found(RULE, training(site("cross_entropy", "addmm"), {"loss_input_row_sum_error": 9.0}))


@pytest.mark.parametrize(
    ("shape", "dim", "speaks"),
    [
        ((32, 8, 1), -1, True),
        ((32, 1, 8), 1, True),
        ((32, 8, 1), 1, False),
        ((32, 1, 1), -1, False),
        ((32, 4, 8, 8), -1, False),
        ((32, 1), -1, False),
    ],
)
def test_an_axis_of_length_one_beside_a_longer_one(shape, dim, speaks) -> None:
    inner = softmax(shape, dim, path="net.attention")
    assert bool(found(RULE, training(site("cross_entropy", "addmm"), {"samples": 32.0}, layers=[inner]))) is speaks


def test_outputs_that_differ_speak_against_it() -> None:
    inner = softmax((32, 8, 1), -1, path="net.attention")
    numbers = {"samples": 32.0, ("output_std", "net.attention"): 0.2}
    assert not found(RULE, training(site("cross_entropy", "addmm"), numbers, layers=[inner]))


@pytest.mark.parametrize(("dim", "speaks"), [(1, True), (2, False), (-1, False)])
def test_a_loss_that_got_places_and_samples_on_one_axis(dim, speaks) -> None:
    points = site("nll_loss", "log_softmax", "addmm", input_shape=(960, 4), target_shape=(960,), layer="net.fc")
    findings = found(RULE, training(points, layers=[softmax((20, 48, 4), dim, "log_softmax")]))
    assert bool(findings) is speaks
    if speaks:
        assert "axis 1 of (20, 48, 4) instead of the classes' axis 2" in findings[0].message


def test_the_batch_of_sequences_that_the_loss_gets_flattened() -> None:
    """Attention weights (batch, query, key) normalised over the batch; the loss counts each symbol as a sample."""
    loss = site("cross_entropy", "addmm", input_shape=(384, 10), target_shape=(384,))
    weights = softmax((32, 12, 12), None, path="net.attention")
    assert found(RULE, training(loss, {("samples", None): 384.0}, inputs={"input_mean": 0.0}, layers=[weights]))
    assert not found(RULE, training(loss, {("samples", None): 384.0}, inputs={"input_mean": 0.0}, layers=[softmax((12, 12, 12), None)]))


def test_attention_along_the_time_that_comes_first() -> None:
    """The input's first axis is time, as long as the scores' first: the samples are on the second."""
    inner = softmax((24, 60, 1), 0, path="net.attention")
    given = training(site("cross_entropy", "addmm"), {"samples": 60.0}, layers=[inner], inputs={"input_mean": 0.0})
    given.inputs = tuple(replace(one, shape=(24, 60, 8)) for one in given.inputs)
    assert not found(RULE, given)
