from dataclasses import replace

import pytest
from made import findings, made, mlp

from diagnose.run import Parameter

RULE = "parameters-not-in-optimizer"


def left(layers_left: tuple[str, ...], **change: object):
    """A network some of whose layers no optimizer holds."""
    layers, parameters = mlp(width=32)
    parameters = [replace(p, optimized=False, **change) if p.layer in layers_left else p for p in parameters]
    return made(layers=layers, parameters=parameters)


def test_silent_when_all_are_held() -> None:
    assert not findings(RULE, left(()))


def test_hidden_layers_left_out() -> None:
    (finding,) = findings(RULE, left(("net.0", "net.1")))
    assert finding.severity == "error" and finding.places == ("net.0", "net.1")
    assert "2,112 of 3,201 weights (66%)" in finding.message
    assert finding.source and finding.source.line == 20


@pytest.mark.parametrize(
    ("change", "loud"),
    [
        ({}, True),
        ({"trainable": False}, False),  # frozen on purpose
        ({"reached": False}, False),  # nothing flows through it
        ({"reached": None}, False),
        ({"initial": {"mean": 0.0, "std": 0.25}}, True),  # He: √(2 / 32)
        ({"initial": {"mean": 0.0, "std": 0.158}}, False),  # trained before
        ({"initial": {"mean": 0.08, "std": 0.102}}, False),
        ({"initial": {"mean": 1 / 32, "std": (1 / 32 - 1 / 1024) ** 0.5}}, True),  # the identity
        ({"initial": {}}, True),
    ],
)
def test_only_what_still_is_as_drawn(change: dict[str, object], loud: bool) -> None:
    assert bool(findings(RULE, left(("net.0",), **change))) is loud


def test_gains_and_biases_alone_are_often_on_purpose() -> None:
    layers, parameters = mlp()
    parameters = [replace(p, optimized=len(p.shape) > 1) for p in parameters]
    assert not findings(RULE, made(layers=layers, parameters=parameters))


def forgotten(**change: object):
    """A network that is held, and the class centres of a loss, 4 of 3,205 weights, that are not."""
    layers, parameters = mlp(width=32)
    centres = Parameter("criterion.weight", "criterion", (2, 2), 4, optimized=False, reached=True)
    return made(layers=layers, parameters=[*parameters, replace(centres, **change)])


def test_the_parameters_of_a_module_of_its_own_count_however_few() -> None:
    (finding,) = findings(RULE, forgotten())
    assert finding.severity == "warning" and "criterion.weight get gradients" in finding.message
    assert finding.fix is not None and "criterion" in finding.fix.text


@pytest.mark.parametrize(
    "change",
    [
        {"trainable": False},
        {"reached": False},
        {"shape": (4,)},  # a temperature, a weight of a term
        {"network": "net"},  # part of a network that the optimizer holds
        {"path": "net.spare.weight"},
    ],
)
def test_what_is_no_module_of_its_own_is_judged_by_its_share(change: dict[str, object]) -> None:
    assert not findings(RULE, forgotten(**change))
