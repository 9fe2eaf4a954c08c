"""evaluation-in-training-mode: which layers were in training mode while evaluating, and whether that was meant."""

import pytest
from hand_built import evaluation, found, layer, training

RULE = "evaluation-in-training-mode"
NORM = layer("net.bn", "normalization", "BatchNorm1d")
DROP = layer("net.drop", "dropout", "Dropout", settings={"p": 0.5})
LAYERS = [NORM, DROP]


def judged(*training_layers, layers=LAYERS, **change):
    kind = change.pop("kind", "classification")
    return found(
        RULE, training(evaluations=[evaluation(training_layers=training_layers, **change)], layers=layers, kind=kind)
    )


def test_batch_norm_and_dropout_active_while_validating_are_an_error() -> None:
    (finding,) = judged("net.bn", "net.drop")
    assert finding.severity == "error" and finding.places == ("net.bn", "net.drop")
    assert "1 batch norm layer and 1 dropout layer" in finding.message and "5 evaluations of val" in finding.message
    assert finding.fix is not None and "net.eval()" in (finding.fix.code or "")


@pytest.mark.parametrize(("p", "severity"), [(0.5, "error"), (0.25, "error"), (0.1, "warning")])
def test_weak_dropout_is_a_warning(p, severity) -> None:
    drop = layer("net.drop", "dropout", "Dropout", settings={"p": p})
    assert judged("net.drop", layers=[drop])[0].severity == severity


@pytest.mark.parametrize(
    "harmless",
    [
        layer("net.x", "dropout", "Dropout", settings={"p": 0.0}),
        layer("net.x", "normalization", "LayerNorm"),
        layer("net.x", "normalization", "GroupNorm"),
        layer("net.x", "normalization", "InstanceNorm2d", settings={"track_running_stats": False}),
        layer("net.x", "normalization", "BatchNorm2d", settings={"track_running_stats": False}),
    ],
    ids=lambda la: la.type,
)
def test_layers_that_do_the_same_in_both_modes_do_not_matter(harmless) -> None:
    assert not judged("net.x", layers=[harmless])


def test_the_mode_during_evaluation_is_what_counts() -> None:
    assert not judged(evaluation_layers=("net.bn", "net.drop"))


@pytest.mark.parametrize(("same", "speaks"), [(0.0, True), (0.5, True), (0.95, False), (1.0, False), (None, True)])
def test_figures_about_the_training_data_are_left_out(same, speaks) -> None:
    assert bool(judged("net.bn", same_data=same)) is speaks


def test_a_loss_computed_beside_each_step_is_no_evaluation() -> None:
    each = [1.0] * 400
    assert not judged("net.bn", loss=each, same_data=None, grad_enabled=True)
    assert judged("net.bn", loss=each, same_data=None, grad_enabled=False)
    assert judged("net.bn", same_data=None, grad_enabled=True)


def test_dropout_alone_beside_batch_norm_in_evaluation_mode_is_sampling() -> None:
    (finding,) = judged("net.drop", evaluation_layers=("net.bn",))
    assert finding.severity == "note"


@pytest.mark.parametrize("kind", ["gan", "reinforcement"])
def test_kinds_that_sample_as_they_train_are_left_alone(kind) -> None:
    assert not judged("net.bn", kind=kind)


def test_dropout_that_is_called_as_a_function_is_no_monte_carlo_dropout() -> None:
    drop = layer("net.fc1/dropout", "dropout", "dropout", settings={"p": 0.4}, functional=True)
    (finding,) = judged("net.fc1/dropout", layers=[NORM, drop], evaluation_layers=("net.bn",), grad_enabled=False)
    assert finding.severity == "error"
    assert finding.fix is not None and finding.fix.code == "F.dropout(x, p=0.4, training=self.training)"


@pytest.mark.parametrize(("path", "code"), [
    ("net.drops[0]", "self.drops = nn.ModuleList(self.drops)"), ("net.head/dropout", "self.drop = nn.Dropout(0.4)  # in __init__"),
])  # fmt: skip
def test_dropout_that_the_network_does_not_hold_is_to_be_kept_in_it(path, code) -> None:
    drop = layer(path, "dropout", "Dropout", settings={"p": 0.4, "registered": False}, functional=True)
    (finding,) = judged(path, layers=[NORM, drop], evaluation_layers=("net.bn",), grad_enabled=False)
    assert finding.severity == "error" and finding.places == (path,)
    assert finding.fix is not None and "net.eval() does not reach" in finding.fix.text and finding.fix.code == code


@pytest.mark.parametrize(("loud", "severity", "said"), [
    (layer("net.x", "recurrent", "LSTM", settings={"dropout": 0.5, "num_layers": 2}), "error", "1 dropout layer"),
    (layer("net.x", "attention", "MultiheadAttention", settings={"dropout": 0.1}), "warning", "1 dropout layer"),
    (layer("net.x", "other", "GaussianNoise"), "warning", "1 GaussianNoise layer"),
    (layer("net.x", "linear", "NoisyLinear"), "warning", "1 NoisyLinear layer"),
    (layer("net.x", "recurrent", "LSTM", settings={"dropout": 0.0}), None, ""),
])  # fmt: skip
def test_other_layers_that_draw_in_training_mode(loud, severity, said) -> None:
    found = judged("net.x", layers=[loud])
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert not found or said in found[0].message
