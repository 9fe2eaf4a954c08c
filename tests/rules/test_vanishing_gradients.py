from dataclasses import replace

import numpy as np
import pytest
from made import falling, findings, made, mlp, per

from diagnose.run import Layer, Parameter

RULE = "vanishing-gradients"


def fading(factor: float, depth: int = 6, **change: object):
    """Each layer passes on `factor` of the gradient."""
    layers, parameters = mlp(depth, activation="sigmoid")
    norms = per("gradient_norm", parameters, lambda i: 0.1 * factor ** (depth - i // 2) * parameters[i].size ** 0.5)
    return made(norms, layers=layers, parameters=parameters, **change)


@pytest.mark.parametrize(("factor", "loud"), [(0.15, True), (0.39, True), (0.41, False), (0.5, False), (1.0, False)])
def test_speaks_where_the_first_third_gets_under_a_hundredth(factor: float, loud: bool) -> None:
    assert bool(findings(RULE, fading(factor))) is loud  # the last layer of the first third: factor ** 6 and 5


def test_names_layers_numbers_and_cure() -> None:
    (finding,) = findings(RULE, fading(0.1))
    assert finding.places == ("net.0", "net.1")
    assert "1.0e-06" in finding.message and "net.0" in finding.message
    assert finding.fix and finding.fix.code == "nn.ReLU()" and "6 Sigmoid" in finding.fix.text
    assert finding.source and finding.source.line == 10


def test_silent_while_the_loss_falls() -> None:
    assert not findings(RULE, fading(0.1, loss=falling()))


def test_silent_when_the_first_layers_are_frozen() -> None:
    layers, parameters = mlp(6)
    frozen = [replace(p, trainable=p.layer not in ("net.0", "net.1")) for p in parameters]
    norms = per("gradient_norm", frozen, lambda i: 1e-9 if not frozen[i].trainable else 0.1)
    assert not findings(RULE, made(norms, layers=layers, parameters=frozen))


def test_one_branch_that_starts_at_zero_is_no_fading() -> None:
    layers, parameters = mlp(6)
    norms = per("gradient_norm", parameters, lambda i: 1e-12 if parameters[i].layer == "net.0" else 0.1)
    assert not findings(RULE, made(norms, layers=layers, parameters=parameters))


def test_recovers_later_and_is_silent() -> None:
    layers, parameters = mlp(6)
    late = per("gradient_norm", parameters, lambda i: lambda t: 0.1 if t > 0.6 or i > 5 else 1e-9)
    assert not findings(RULE, made(late, layers=layers, parameters=parameters))


def test_silent_on_all_zero_and_on_shallow_networks() -> None:
    layers, parameters = mlp(6)
    assert not findings(RULE, made(per("gradient_norm", parameters, 0.0), layers=layers, parameters=parameters))
    layers, parameters = mlp(1)
    fading_two = per("gradient_norm", parameters, lambda i: 10.0 ** (4 * (i // 2)))
    assert not findings(RULE, made(fading_two, layers=layers, parameters=parameters))


def test_silent_on_a_gan() -> None:
    assert not findings(RULE, fading(0.1, kind="gan"))


def test_threshold_can_be_set() -> None:
    assert findings(RULE, fading(0.5), ratio=0.1)
    assert not findings(RULE, fading(0.15), ratio=1e-9)


def test_survives_nan_between() -> None:
    layers, parameters = mlp(6)
    norms = per("gradient_norm", parameters, lambda i: np.where(np.arange(20) % 3, 10.0 ** (i // 2 - 6), np.nan))
    assert findings(RULE, made(norms, layers=layers, parameters=parameters))


@pytest.mark.parametrize(("factor", "loud"), [(1e-2, True), (0.8, False)])
def test_layers_stacked_in_one_recurrent_module_are_a_depth(factor: float, loud: bool) -> None:
    parameters = [
        Parameter(f"net.rnn.weight_{kind}_l{k}", "net.rnn", (32, 8), 256, network="net") for k in range(6) for kind in ("ih", "hh")
    ]
    parameters.append(Parameter("net.out.weight", "net.out", (2, 8), 16, network="net"))
    layers = [Layer("net.rnn", "LSTM", "recurrent", network="net"), Layer("net.out", "Linear", "linear", network="net")]
    norms = per("gradient_norm", parameters, lambda i: factor ** (6 - i // 2) * parameters[i].size ** 0.5)
    found = findings(RULE, made(norms, layers=layers, parameters=parameters))
    assert bool(found) is loud
    if loud:
        assert found[0].places == ("net.rnn",) and "largest further on" in found[0].message
