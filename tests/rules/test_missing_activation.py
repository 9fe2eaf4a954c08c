from dataclasses import replace

import pytest
from made import LN2, SITE, falling, findings, made, mlp

from diagnose.run import Edge, Layer

RULE = "missing-activation"


def chain(
    *between: str | None, sizes: tuple[int, ...] = (8, 8, 8, 1), kind: str = "binary-classification", **change: object
):
    """Linear layers net.0, net.1, … with a layer of this role between each pair, or nothing."""
    template = mlp()[0][0]
    layers: list[Layer] = []
    edges: list[Edge] = []
    before = "input"
    into = 8
    for i, out in enumerate(sizes):
        path = f"net.{i}"
        settings = {"in_features": into, "out_features": out}
        layers.append(replace(template, path=path, settings=settings, shape=(32, out)))
        edges.append(Edge(before, path))
        before, into = path, out
        if i < len(between) and between[i] is not None:
            name = f"net.{between[i]}{i}"
            role = {"dropout": "dropout", "batchNorm2d": "normalization", "layerNorm": "normalization"}.get(between[i], "activation")
            layers.append(Layer(name, between[i][0].upper() + between[i][1:], role, network="net"))
            edges.append(Edge(before, name))
            before = name
    edges.append(Edge(before, SITE.id))
    return made(layers=layers, edges=edges, kind=kind, **change)


@pytest.mark.parametrize(
    ("between", "severity"),
    [
        (("relu", "relu", "relu"), None),
        ((None, None, None), "warning"),
        (("dropout", "dropout", "dropout"), "warning"),
        (("batchNorm2d", "batchNorm2d", "batchNorm2d"), "warning"),
        (("layerNorm", "layerNorm", "layerNorm"), None),
        ((None, None, "relu"), "warning"),
        ((None, "relu", "relu"), "note"),
    ],
)
def test_by_share_of_connections(between: tuple[str | None, ...], severity: str | None) -> None:
    assert [f.severity for f in findings(RULE, chain(*between))] == ([severity] if severity else [])


def test_where_the_loss_falls_only_a_network_without_any_is_loud() -> None:
    for end, severity in ((0.3 * LN2, "warning"), (0.05 * LN2, "note")):  # a task that was learnt was linear
        assert [f.severity for f in findings(RULE, chain(None, None, "relu", loss=falling(end=end)))] == ["note"]
        assert [f.severity for f in findings(RULE, chain(None, None, None, loss=falling(end=end)))] == [severity]


def test_an_activation_whose_output_another_layer_passes_on_unchanged() -> None:
    """Dropout in evaluation mode returns its input: the flow then shows the dropout alone."""
    straight = chain("dropout", sizes=(8, 1))
    relu = Layer("net.relu", "ReLU", "activation", "relu", network="net")
    layers = [straight.layers[0], relu, *straight.layers[1:]]
    edges = [*straight.edges, Edge("net.0", "net.relu")]
    assert findings(RULE, straight) and not findings(RULE, made(layers=layers, edges=edges))


def test_an_output_that_another_function_than_a_loss_takes_is_none_the_less_an_output() -> None:
    """A policy's goes into a distribution, and a hand-written loss shows no edge."""
    straight = chain(None, None, sizes=(8, 8, 1), loss=falling(end=0.3 * LN2))
    policy = Layer("net.policy", "Policy", "other", network="net")
    for last in ([Edge("net.2", "net.policy")], []):
        edges = [edge for edge in straight.edges if edge.target != SITE.id] + last
        (finding,) = findings(RULE, made(layers=[*straight.layers, policy], edges=edges, loss=falling(end=0.3 * LN2)))
        assert finding.severity == "warning" and "2 of 2 layers" in finding.message


def test_names_the_pairs() -> None:
    (finding,) = findings(RULE, chain(None, None, None))
    assert finding.message.startswith("nothing between net.0 and net.1 and 2 more such pairs: 3 of 3")
    assert finding.places == ("net.0", "net.1", "net.2", "net.3")
    assert finding.fix and "net.0, net.1, net.2" in finding.fix.text


def test_one_layer_is_a_linear_model() -> None:
    assert not findings(RULE, chain(sizes=(1,)))


def test_a_narrow_layer_is_a_factorization() -> None:
    assert not findings(RULE, chain(None, "relu", sizes=(2, 8, 1)))  # 8 → 2 → 8


def test_but_no_excuse_where_nothing_is_nonlinear() -> None:
    assert findings(RULE, chain(None, None, sizes=(2, 8, 1)))
    assert not findings(RULE, chain(None, sizes=(2, 8), kind="autoencoder"))  # principal components


@pytest.mark.parametrize(
    ("operations", "loud"), [((), True), (("mean",), True), (("relu",), False), (("mul",), False), (("add",), False)]
)
def test_operations_on_the_way(operations: tuple[str, ...], loud: bool) -> None:
    straight = chain(None, sizes=(8, 1))
    edges = [Edge("input", "net.0"), Edge("net.0", "net.1", operations), Edge("net.1", SITE.id)]
    assert bool(findings(RULE, made(layers=straight.layers, edges=edges))) is loud


def test_depthwise_before_pointwise_is_on_purpose() -> None:
    straight = chain(None, "relu", sizes=(8, 8, 1))
    layers = [
        replace(layer, settings=layer.settings | {"groups": 8}) if layer.path == "net.0" else layer
        for layer in straight.layers
    ]
    assert not findings(RULE, made(layers=layers, edges=straight.edges))


def test_gates_along_time_are_power() -> None:
    """A pair behind a recurrent layer is a note: the network is not linear."""
    whole = chain(None, None, None, loss=falling(end=0.3 * LN2))
    gated = [replace(whole.layers[0], path="net.rnn", type="GRU", role="recurrent"), *whole.layers]
    (finding,) = findings(RULE, made(layers=gated, edges=whole.edges, kind=whole.kind, loss=falling(end=0.3 * LN2)))
    assert finding.severity == "note"
