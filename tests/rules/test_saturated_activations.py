from dataclasses import replace

import pytest
from made import SITE, falling, findings, made, mlp

from diagnose.run import Edge, Layer

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


@pytest.mark.parametrize(("first", "loud"), [([0.8, 0.8], True), ([0.8, 0.3], False), ([0.3, 0.3], False)])
def test_drawn_into_the_flat_ends(first: list[float], loud: bool) -> None:
    """Every hidden layer began there: said although the loss falls, with smaller weights as the cure."""
    layers, parameters = mlp(depth=len(first), activation="tanh")
    shares = {("saturated_share", f"net.act{i}"): [share] + [0.7] * 19 for i, share in enumerate(first)}
    found = findings(RULE, made(shares, layers=layers, parameters=parameters, loss=falling()))
    assert bool(found) is loud
    if loud:
        assert found[0].fix and "xavier_normal_(net.0.weight, gain=5 / 3)" in found[0].fix.code


def test_tensors_without_a_module() -> None:
    """The activation before the last product is hidden as well."""
    layers = [Layer(path, "tanh", "activation", activation="tanh", functional=True) for path in ("w1/tanh", "w2/tanh")]
    edges = [Edge("w1/tanh", "w2/tanh", ("mm", "add")), Edge("w2/tanh", SITE.id, ("mm", "add"))]
    shares = {("saturated_share", layer.path): 0.8 for layer in layers}
    given = made(shares, layers=layers, parameters=(), edges=edges, losses=[replace(SITE, layer="w2/tanh")], loss=falling())
    found = findings(RULE, given)
    assert [finding.places for finding in found] == [("w1/tanh",), ("w2/tanh",)]
    assert [finding.fix and finding.fix.code for finding in found] == [f"nn.init.xavier_normal_({w}, gain=5 / 3)" for w in ("w1", "w2")]
