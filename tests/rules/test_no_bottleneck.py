"""no-bottleneck: the narrowest layer of an autoencoder against its input."""

import numpy as np
import pytest
from hand_built import found, layer, line, site, training

from diagnose.run import Edge

RULE = "no-bottleneck"
LOSS = site("mse_loss", "addmm", input_shape=(32, 8), target_shape=(32, 8))


def judged(width, end=0.001, whole=None, more=()):
    layers = [
        layer("net.in", "linear", "Linear", shape=(32, 64), settings={"in_features": 8}),
        layer("net.code", "linear", "Linear", shape=(32, width), settings={"in_features": 64}),
        *more,
        layer("net.out", "linear", "Linear", shape=(32, 8)),
    ]
    values = np.r_[line(1.0, end, 100), np.full(300, end)]
    numbers = {
        "training_loss": values,
        "loss": values if whole is None else values + whole,
        "loss_target_std_across": 1.0,
    }
    return found(RULE, training(LOSS, numbers, inputs={"input_mean": 0.0}, kind="autoencoder", layers=layers))


def test_a_wide_code_that_copies_is_a_warning() -> None:
    (finding,) = judged(32)
    assert finding.severity == "warning" and "net.code has 32 numbers a sample, the input 8" in finding.message
    assert finding.fix is not None and finding.fix.code == "nn.Linear(64, 1)"


@pytest.mark.parametrize(("width", "speaks"), [(2, False), (7, False), (8, True)])
def test_the_input_s_own_width_is_the_limit(width, speaks) -> None:
    assert bool(judged(width)) is speaks


def test_one_that_has_not_copied_is_a_note() -> None:
    assert judged(15, end=0.3)[0].severity == "note"
    assert judged(16, end=0.3)[0].severity == "warning"  # twice as wide: what remains may be noise


def test_dropout_and_penalties_are_bottlenecks_of_another_kind() -> None:
    assert not judged(32, more=[layer("net.drop", "dropout", "Dropout", settings={"p": 0.3})])
    assert judged(32, more=[layer("net.drop", "dropout", "Dropout", settings={"p": 0.0})])
    assert not judged(32, whole=0.1)


@pytest.mark.parametrize(("skips", "wide", "speaks"), [(True, 64, True), (True, 4, False), (False, 64, False)])
def test_connections_that_lead_round_the_code(skips, wide, speaks) -> None:
    layers = [
        layer("net.in", "linear", "Linear", shape=(32, wide)),
        layer("net.code", "linear", "Linear", shape=(32, 2)),
        layer("net.out", "linear", "Linear", shape=(32, 8)),
    ]
    edges = [Edge("input", "net.in"), Edge("net.in", "net.code"), Edge("net.code", "net.out"), Edge("net.out", LOSS.id)]
    edges += [Edge("net.in", "net.out")] * skips
    values = np.r_[line(1.0, 0.001, 100), np.full(300, 0.001)]
    numbers = {"training_loss": values, "loss": values, "loss_target_std_across": 1.0}
    findings = found(RULE, training(LOSS, numbers, inputs={"input_mean": 0.0}, kind="autoencoder", layers=layers, edges=edges))
    assert bool(findings) is speaks
    if speaks:
        assert "round the code net.code (2 numbers" in findings[0].message and findings[0].severity == "warning"


@pytest.mark.parametrize(
    ("first", "end", "operations", "speaks"),
    [(0.03, 1e-7, ("add", "addmm"), True), (0.03, 1e-7, ("addmm",), False), (0.4, 1e-7, ("add",), False), (0.03, 0.02, ("add",), False)],
)
def test_an_input_that_is_added_behind_the_code(first, end, operations, speaks) -> None:
    loss = site("mse_loss", *operations, input_shape=(32, 8), target_shape=(32, 8))
    layers = [
        layer("net.in", "linear", "Linear", shape=(32, 64)),
        layer("net.code", "linear", "Linear", shape=(32, 2)),
        layer("net.out", "linear", "Linear", shape=(32, 8)),
    ]
    values = np.r_[line(first, end, 100), np.full(300, end)]
    numbers = {"training_loss": values, "loss": values, "loss_target_std_across": 1.0}
    findings = found(RULE, training(loss, numbers, inputs={"input_mean": 0.0}, kind="autoencoder", layers=layers))
    assert bool(findings) is speaks
    if speaks:
        assert "the input is added behind the code" in findings[0].message and findings[0].severity == "warning"
