from dataclasses import replace

import pytest
from made import falling, findings, made, mlp, per

RULE = "unused-parameters"


def lost(layers_lost: tuple[str, ...], *, frozen: bool = False, held: bool = True, width: int = 8, **change: object):
    layers, parameters = mlp(width=width)
    parameters = [
        replace(p, trainable=not frozen or p.layer not in layers_lost, reached=p.layer not in layers_lost,
                optimized=held or p.layer not in layers_lost)
        for p in parameters
    ]  # fmt: skip
    present = per("gradient_present", parameters, lambda i: float(parameters[i].layer not in layers_lost))
    return made(present, layers=layers, parameters=parameters, **change)


def test_silent_when_all_get_gradients() -> None:
    assert not findings(RULE, lost(()))


def test_most_of_the_weights_is_an_error() -> None:
    (finding,) = findings(RULE, lost(("net.0", "net.1"), loss=falling()))
    assert finding.severity == "error" and finding.places == ("net.0", "net.1")
    assert "144 of 225 weights (64%)" in finding.message


def test_one_layer_is_a_warning() -> None:
    (finding,) = findings(RULE, lost(("net.1",)))
    assert finding.severity == "warning" and finding.places == ("net.1",)


def test_a_tiny_part_is_a_note() -> None:
    (finding,) = findings(RULE, lost(("net.out",), width=128))
    assert finding.severity == "note"


@pytest.mark.parametrize("held", [True, False])
def test_frozen_backbone_beside_a_trained_head_is_no_fault(held: bool) -> None:
    assert not findings(RULE, lost(("net.0", "net.1", "net.2"), frozen=True, held=held, loss=falling()))


def test_unless_the_optimizer_was_given_it_and_nothing_is_learnt() -> None:
    """As word vectors that `nn.Embedding.from_pretrained` froze."""
    (finding,) = findings(RULE, lost(("net.0",), frozen=True))
    assert finding.severity == "warning" and finding.places == ("net.0",) and "requires_grad" in finding.message
    assert not findings(RULE, lost(("net.0",), frozen=True, held=False))


def test_everything_frozen_is() -> None:
    (finding,) = findings(RULE, lost(("net.0", "net.1", "net.2", "net.out"), frozen=True))
    assert finding.severity == "error" and "all 225 of 225" in finding.message and "requires_grad" in finding.message


@pytest.mark.parametrize(("reached", "loud"), [(False, True), (True, False), (None, False)])
def test_what_was_not_observed_is_not_zero(reached: bool | None, loud: bool) -> None:
    layers, parameters = mlp()
    parameters = [replace(p, reached=reached if p.layer == "net.1" else True) for p in parameters]
    assert bool(findings(RULE, made(layers=layers, parameters=parameters))) is loud


def test_parameters_of_no_optimizer_are_another_rules() -> None:
    layers, parameters = mlp()
    parameters = [replace(p, optimized=p.layer != "net.1", reached=p.layer != "net.1") for p in parameters]
    assert not findings(RULE, made(layers=layers, parameters=parameters))


@pytest.mark.parametrize("sign", [{"reached": True}, {"moves": 0.1}])
def test_a_gradient_that_was_cleared_before_anyone_looked(sign: dict[str, object]) -> None:
    """LBFGS: the closure's gradients are gone when the step begins."""
    layers, parameters = mlp()
    parameters = [replace(p, reached=sign.get("reached")) for p in parameters]
    given = per("gradient_present", parameters, 0.0) | per("update_norm", parameters, sign.get("moves", 0.0))
    assert not findings(RULE, made(given, layers=layers, parameters=parameters))


@pytest.mark.parametrize(
    ("flat", "severity"),
    [
        (("net.0.weight", "net.0.bias", "net.1.weight", "net.1.bias"), "error"),
        (("net.0.weight", "net.0.bias"), "warning"),
        (("net.0.weight",), None),  # its input is zero: the gradient reaches the layer
        ((), None),
    ],
)
def test_a_step_function_lets_no_gradient_through(flat: tuple[str, ...], severity: str | None) -> None:
    layers, parameters = mlp()
    norms = per("gradient_norm", parameters, lambda i: 0.0 if parameters[i].path in flat else 0.1)
    present = per("gradient_present", parameters, lambda i: 1.0)
    found = findings(RULE, made(norms | present, layers=layers, parameters=parameters))
    assert [f.severity for f in found] == ([severity] if severity else [])
    assert not found or ("exactly zero" in found[0].message and "round" in found[0].fix.text)


def test_where_nothing_gets_a_gradient_others_speak() -> None:
    layers, parameters = mlp()
    given = per("gradient_norm", parameters, lambda i: 0.0) | per("gradient_present", parameters, lambda i: 1.0)
    assert not findings(RULE, made(given, layers=layers, parameters=parameters))


def test_a_small_first_layer_that_is_cut_off_is_a_warning() -> None:
    """What runs first and does not learn, while what follows does, was detached; a small head may be left over."""
    layers, parameters = mlp(width=128)
    parameters = [replace(p, reached=p.layer != "net.0", size=4 if p.layer == "net.0" else p.size) for p in parameters]
    present = per("gradient_present", parameters, lambda i: float(parameters[i].layer != "net.0"))
    run = [replace(layer, shape=(32, 8)) for layer in layers]
    (finding,) = findings(RULE, made(present, layers=run, parameters=parameters))
    assert finding.severity == "warning" and finding.places == ("net.0",)
