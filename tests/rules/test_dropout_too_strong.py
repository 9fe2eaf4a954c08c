"""dropout-too-strong: a high rate and a bad fit, a very high one, or dropout on the outputs."""

import pytest
from hand_built import found, layer, line, site, training

from diagnose.run import Edge

RULE = "dropout-too-strong"
LOSS = site("cross_entropy", "addmm")
STUCK, LEARNT = {"training_loss": line(2.3, 2.0)}, {"training_loss": line(2.3, 0.1)}


def judged(p, numbers, loss=LOSS, path="net.drop", mode=1.0):
    drop = layer(path, "dropout", "Dropout", settings={"p": p})
    return found(RULE, training(loss, numbers | {("layer_training", path): mode}, layers=[drop]))


@pytest.mark.parametrize(
    ("p", "numbers", "severity"),
    [
        (0.95, STUCK, "error"),
        (0.95, LEARNT, "warning"),
        (1.0, LEARNT, "error"),
        (0.9, LEARNT, "warning"),
        (0.89, LEARNT, None),
        (0.61, STUCK, "error"),
        (0.6, STUCK, None),
        (0.5, STUCK, None),
    ],
)
def test_the_limits(p, numbers, severity) -> None:
    findings = judged(p, numbers)
    assert [f.severity for f in findings] == ([severity] if severity else [])


def test_the_message_names_the_rate_and_what_is_left() -> None:
    (finding,) = judged(0.95, STUCK | {("zero_share", "net.drop"): 0.95})
    assert "95%" in finding.message and "of a constant prediction's loss remains" in finding.message
    assert len(finding.evidence) == 2


def test_dropout_in_evaluation_mode_takes_nothing_away() -> None:
    assert not judged(0.95, STUCK, mode=0.0)


def test_dropout_on_the_outputs_is_wrong_at_any_rate() -> None:
    (finding,) = judged(0.2, LEARNT, site("cross_entropy", "mul", "addmm", layer="net.drop"))
    assert finding.severity == "warning" and "0.2" in finding.message
    assert not judged(0.0, LEARNT, site("cross_entropy", "mul", "addmm", layer="net.drop"))


def test_a_product_written_by_hand_lies_behind_it() -> None:
    """Weights that are plain parameters: the nearest module before the loss is the dropout, the last layer is none."""
    loss = site("cross_entropy", "add", "mm", layer="net.drop")
    drop = layer("net.drop", "dropout", "Dropout", settings={"p": 0.2})
    numbers = LEARNT | {("layer_training", "net.drop"): 1.0}
    assert found(RULE, training(loss, numbers, layers=[drop], edges=[Edge("net.drop", "loss", ())]))
    assert not found(RULE, training(loss, numbers, layers=[drop], edges=[Edge("net.drop", "loss", ("mm", "add"))]))
