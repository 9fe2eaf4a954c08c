"""training-in-evaluation-mode: the modes of dropout and batch norm over the training steps."""

import numpy as np
import pytest
from hand_built import found, layer, training

from diagnose.run import Parameter

RULE = "training-in-evaluation-mode"
NORM = layer("net.bn", "normalization", "BatchNorm1d", parameters=("net.bn.weight",))
DROP = layer("net.drop", "dropout", "Dropout", settings={"p": 0.5})
LAYERS = [NORM, DROP]


def judged(norm, drop, layers=LAYERS, **change):
    return found(
        RULE,
        training(
            None or (),
            {("layer_training", "net.bn"): norm, ("layer_training", "net.drop"): drop},
            layers=layers,
            **change,
        ),
    )


def switched(at, count=40):
    return np.r_[np.ones(at), np.zeros(count - at)]


def test_eval_that_was_never_undone_is_an_error_from_that_step_on() -> None:
    (finding,) = judged(switched(10), switched(10))
    assert finding.severity == "error" and finding.places == ("net.bn", "net.drop")
    assert finding.steps == (102, 399) and "from step 102 on" in finding.message
    assert finding.fix is not None and "net.train()" in finding.fix.text


def test_from_the_first_step_on_is_a_warning() -> None:
    (finding,) = judged(0.0, 0.0)
    assert finding.severity == "warning" and "from the first step" in finding.message


@pytest.mark.parametrize(("at", "speaks"), [(37, True), (38, False), (40, False)])
def test_it_must_hold_for_three_snapshots(at, speaks) -> None:
    assert bool(judged(switched(at), switched(at))) is speaks


def test_undone_again_is_fine() -> None:
    toggled = np.tile([1.0, 1.0, 0.0, 1.0], 10)
    assert not judged(toggled, toggled)


def test_batch_norm_frozen_beside_active_dropout_is_a_choice() -> None:
    assert not judged(0.0, 1.0)
    assert not judged(switched(10), 1.0)


def test_frozen_parameters_are_a_choice() -> None:
    frozen = [Parameter("net.bn.weight", "net.bn", (16,), 16, trainable=False)]
    assert not judged(0.0, 1.0, layers=[NORM], parameters=frozen)
    trained = [Parameter("net.bn.weight", "net.bn", (16,), 16, trainable=True)]
    assert judged(0.0, 1.0, layers=[NORM], parameters=trained)


def test_layers_that_do_the_same_in_both_modes_do_not_matter() -> None:
    still = [layer("net.bn", "normalization", "LayerNorm"), layer("net.drop", "dropout", settings={"p": 0.0})]
    assert not judged(0.0, 0.0, layers=still)


def test_a_dropout_that_is_a_function_ends_with_its_trace() -> None:
    inner = layer("net.drop/dropout", "dropout", "dropout", settings={"p": 0.5}, functional=True)
    numbers = {("layer_training", "net.drop"): switched(20), ("layer_training", "net.drop/dropout"): np.ones(20)}
    (finding,) = found(RULE, training((), numbers, layers=[DROP, inner]))
    assert finding.places == ("net.drop",)


@pytest.mark.parametrize(("on", "speaks"), [(1, True), (3, True), (6, False)])
def test_on_again_for_a_while_in_each_epoch(on, speaks) -> None:
    """Set to evaluation by a validation in the middle of each epoch, and back at the start of the next."""
    modes = np.tile(np.r_[np.ones(on), np.zeros(8 - on)], 5)[:-1]
    modes = np.r_[modes, 1.0]  # the last snapshot is one in training mode
    findings = judged(modes, modes)
    assert bool(findings) is speaks
    if speaks:
        assert "of the steps looked at" in findings[0].message


def fine_tuned(encoder=0.0, head=1.0, norm=None, trainable=True, **change):
    """An encoder of two layers with a dropout, and a head with another."""
    kinds = {"encoder.fc": "linear", "encoder.drop": "dropout", "drop": "dropout", "head": "linear"}
    modes = {"encoder.fc": encoder, "encoder.drop": encoder, "drop": head, "head": head}
    if norm is not None:
        kinds, modes = {**kinds, "encoder.bn": "normalization"}, {**modes, "encoder.bn": norm}
    layers = [
        layer(f"net.{path}", role, "BatchNorm1d" if role == "normalization" else "", settings={"p": 0.4} if role == "dropout" else {})
        for path, role in kinds.items()
    ]
    parameters = [
        Parameter("net.encoder.fc.weight", "net.encoder.fc", (16, 16), 256, trainable=trainable),
        Parameter("net.head.weight", "net.head", (4, 16), 64),
    ]
    numbers = {("layer_training", f"net.{path}"): mode for path, mode in (modes | change.pop("modes", {})).items()}
    return found(RULE, training((), numbers, layers=layers, parameters=parameters, **change))


def test_a_part_that_is_trained_in_evaluation_mode_is_named() -> None:
    (finding,) = fine_tuned()
    assert finding.severity == "warning" and finding.places == ("net.encoder.drop",)
    assert "net.encoder is trained in evaluation mode" in finding.message and "p up to 0.4" in finding.message
    assert finding.fix is not None and "net.train()" in finding.fix.text


def test_a_part_that_was_in_training_mode_once_is_left_alone() -> None:
    assert not fine_tuned(encoder=np.r_[np.zeros(30), 1.0, np.zeros(9)])


def test_a_frozen_part_is_kept_in_evaluation_mode_on_purpose() -> None:
    assert not fine_tuned(trainable=False)


def test_a_part_with_batch_norm_in_evaluation_mode_is_a_choice() -> None:
    assert not fine_tuned(norm=0.0)


def test_a_single_dropout_that_was_switched_off_is_a_choice() -> None:
    assert not fine_tuned(modes={"encoder.fc": 1.0})


def test_networks_that_play_against_each_other_are_left_alone() -> None:
    assert not fine_tuned(kind="gan")
