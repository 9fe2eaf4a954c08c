"""unbounded-output-in-bce: a linear output, cut or not, in a loss of probabilities."""

import numpy as np
import pytest
from hand_built import LINE, found, site, training

from diagnose.run import Event

RULE = "unbounded-output-in-bce"
BCE = "binary_cross_entropy"


def test_a_clamped_linear_output_is_an_error() -> None:
    (finding,) = found(RULE, training(site(BCE, "clamp", "addmm", "relu"), {"outside_unit_share": 0.6}))
    assert (finding.severity, finding.places, finding.source) == ("error", ("net.fc",), LINE)
    assert "60%" in finding.message and "clamp" in finding.message


@pytest.mark.parametrize(
    "operations", [("addmm",), ("hardtanh", "convolution"), ("relu", "addmm"), ("clamp", "native_batch_norm", "mm")]
)
def test_also_without_a_clamp_or_with_another_cut(operations) -> None:
    assert found(RULE, training(site(BCE, *operations), {"outside_unit_share": 0.3}))


@pytest.mark.parametrize(("share", "speaks"), [(0.0, False), (0.019, False), (0.021, True)])
def test_a_share_within_the_limit_is_believed(share, speaks) -> None:
    assert bool(found(RULE, training(site(BCE, "clamp", "addmm"), {"outside_unit_share": share}))) is speaks


@pytest.mark.parametrize(
    "losses",
    [
        site(BCE, "sigmoid", "addmm"),
        site(BCE, "clamp", "sigmoid", "addmm"),
        site(BCE, "clamp", "softmax", "addmm"),
        site(BCE, "div", "add", "tanh", "addmm"),
        site("binary_cross_entropy_with_logits", "addmm"),
        site("mse_loss", "clamp", "addmm"),
        site(BCE),
    ],
    ids=lambda s: f"{s.function}-{'-'.join(s.operations)}",
)
def test_silent_where_it_is_a_probability_or_unknown(losses) -> None:
    assert not found(RULE, training(losses, {"outside_unit_share": 0.5}))


NAN = Event("non-finite", 3, None, {"what": "loss"})


@pytest.mark.parametrize(("operations", "events", "speaks"), [
    (("neg", "mean", "log", "index", "clamp", "addmm"), (), True),
    (("mean", "sum", "sub", "mul", "log", "mm", "sigmoid"), (NAN,), True),
    (("mean", "sum", "sub", "mul", "log", "mm", "sigmoid"), (), False),  # a mixture: shares times shares
    (("neg", "mean", "log", "index", "clamp", "softmax", "addmm"), (), False),
    (("mean", "mul", "log", "add", "exp", "addmm"), (NAN,), False),
    (("mean", "pow", "sub", "addmm"), (NAN,), False),
])  # fmt: skip
def test_a_logarithm_by_hand_of_what_is_no_probability(operations, events, speaks) -> None:
    findings = found(RULE, training(site("custom", *operations), events=events))
    assert bool(findings) is speaks
    assert not findings or "takes the logarithm of a linear layer's output" in findings[0].message


@pytest.mark.parametrize(("operations", "low", "speaks"), [
    (("clamp", "addmm"), 1e-6, True), (("clamp", "addmm"), None, False), (("addmm",), 1e-6, False),
    (("clamp", "sigmoid", "addmm"), 1e-6, False),
])  # fmt: skip
def test_a_cut_a_little_inside_of_its_ends(operations, low, speaks) -> None:
    lows = np.linspace(0.01, 0.2, 40) if low is None else np.full(40, low)
    numbers = {"outside_unit_share": 0.0, "loss_input_min": lows, "loss_input_max": np.linspace(0.7, 0.9, 40)}
    assert bool(found(RULE, training(site(BCE, *operations), numbers))) is speaks
