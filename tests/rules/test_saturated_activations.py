from dataclasses import replace

import pytest
from made import SITE, falling, findings, made, mlp

from diagnose.run import Edge

RULE = "saturated-activations"


def saturated(share: object, place: str = "net.act0", activation: str = "tanh", **change: object):
    layers, parameters = mlp(activation=activation)
    return made({("saturated_share", place): share}, layers=layers, parameters=parameters, **change)


@pytest.mark.parametrize(("share", "loud"), [(0.9, True), (0.52, True), (0.48, False), (0.0, False)])
def test_speaks_above_half(share: float, loud: bool) -> None:
    assert bool(findings(RULE, saturated(share))) is loud


def test_silent_while_the_loss_falls() -> None:
    assert not findings(RULE, saturated(0.9, loss=falling()))


def test_must_hold_to_the_end() -> None:
    assert not findings(RULE, saturated([0.9] * 17 + [0.1] * 3))


def test_output_and_gates_may_saturate() -> None:
    assert not findings(RULE, saturated(0.9, losses=[replace(SITE, layer="net.act0")]))
    assert not findings(RULE, saturated(0.9, edges=[Edge("net.act0", "net.1", ("mul",))]))
    assert findings(RULE, saturated(0.9, edges=[Edge("net.act0", "net.1", ("view",))]))


def test_relu_is_not_bounded() -> None:
    assert not findings(RULE, saturated(0.9, activation="relu"))


def test_names_layer_and_numbers() -> None:
    layers, parameters = mlp(activation="tanh")
    given = {("saturated_share", "net.act0"): 0.9, ("output_max_abs", "net.0"): 35.0}
    (finding,) = findings(RULE, made(given, layers=layers, parameters=parameters))
    assert finding.places == ("net.act0",) and "90%" in finding.message and "limit 50%" in finding.message
    assert finding.fix and "its input reaches 35" in finding.fix.text
