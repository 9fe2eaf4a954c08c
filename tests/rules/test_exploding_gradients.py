from dataclasses import replace

import numpy as np
import pytest
from made import LN2, STEPS, falling, findings, flat, made, mlp, per

from diagnose.run import Layer

RULE = "exploding-gradients"


def growing(times: float, loss: np.ndarray, **change: object):
    layers, parameters = mlp()
    norms = per("gradient_norm", parameters, lambda i: lambda t: 0.1 * (times if t > 0.6 else 1.0))
    return made(norms, loss=loss, layers=layers, parameters=parameters, **change)


def rising() -> np.ndarray:
    return flat() * np.linspace(1, 5, STEPS)


@pytest.mark.parametrize(("times", "loud"), [(90, False), (110, True), (1e6, True)])
def test_speaks_when_the_norm_grows_a_hundredfold_and_the_loss_rises(times: float, loud: bool) -> None:
    assert bool(findings(RULE, growing(times, rising()))) is loud


def test_silent_when_the_loss_falls_whatever_the_norm() -> None:
    assert not findings(RULE, growing(1e6, falling()))


def test_clip_value_comes_from_the_runs_own_norms() -> None:
    (finding,) = findings(RULE, growing(1e4, rising()))
    assert finding.fix and finding.fix.code == "torch.nn.utils.clip_grad_norm_(model.parameters(), 0.28)"  # √8 × 0.1
    assert finding.source and finding.source.line == 20 and "1e+04" in finding.message


def test_one_early_spike_is_no_explosion() -> None:
    _, parameters = mlp()
    spike = per("gradient_norm", parameters, [0.1] * 8 + [1e4] * 3 + [0.1] * 9)
    assert not findings(RULE, made(spike, loss=rising()))


def test_spikes_now_and_then_are_no_explosion() -> None:
    _, parameters = mlp()
    spikes = per("gradient_norm", parameters, [0.1, 0.1, 0.1, 1e4] * 5)
    assert not findings(RULE, made(spikes, loss=rising()))


def test_infinite_norms_count() -> None:
    loss = rising()
    loss[-30:] = np.nan
    _, parameters = mlp()
    norms = per("gradient_norm", parameters, [0.1] * 13 + [1.0, 9.0] + [np.inf] * 5)
    (finding,) = findings(RULE, made(norms, loss=loss))
    assert "inf" in finding.message


@pytest.mark.parametrize(("norms", "lost", "loud"), [
    ([1.0, 1e5, 1e9], 4, True), ([1.0, 1.1, 1.2], 4, False), ([1.0, 1e5], 4, False), ([1.0, 1e5, 1e9], 100, False),
])  # fmt: skip
def test_three_norms_are_enough_where_all_is_lost_at_once(norms: list[float], lost: int, loud: bool) -> None:
    _, parameters = mlp()
    loss = flat()
    loss[lost:] = np.nan
    steep = per("gradient_norm", parameters, norms + [np.nan] * (20 - len(norms)))
    assert bool(findings(RULE, made(steep, loss=loss))) is loud


@pytest.mark.parametrize(("factor", "loud"), [(3.0, False), (30.0, True)])
def test_grows_along_the_depth(factor: float, loud: bool) -> None:
    layers, parameters = mlp(6)
    norms = per("gradient_norm", parameters, lambda i: factor ** (6 - i // 2) * parameters[i].size ** 0.5)
    assert bool(findings(RULE, made(norms, loss=flat(level=LN2), layers=layers, parameters=parameters))) is loud


@pytest.mark.parametrize(("factor", "loud"), [(2.0, False), (6.0, True)])
def test_the_signal_on_its_way_back_counts_where_all_weights_get_equal_gradients(factor: float, loud: bool) -> None:
    layers, parameters = mlp(6)
    equal = per("gradient_norm", parameters, lambda i: parameters[i].size ** 0.5)
    linear = [layer for layer in layers if layer.role == "linear"]
    back = per("output_gradient_norm", linear, lambda i: factor ** (len(linear) - i) * np.prod(linear[i].shape) ** 0.5)
    found = findings(RULE, made({**equal, **back}, loss=flat(level=LN2), layers=layers, parameters=parameters))
    assert bool(found) is loud
    if found:
        assert found[0].places[0] == linear[0].path and found[0].fix and "kaiming" in str(found[0].fix.code)
    again = [*layers, *(replace(layer, path=f"{layer.path}#2") for layer in linear)]  # each called twice: along time
    assert not findings(RULE, made({**equal, **back}, loss=flat(level=LN2), layers=again, parameters=parameters))


def clipping(norms: object, gradients: object, loss: np.ndarray):
    layers, parameters = mlp()
    given = per("gradient_norm", parameters, gradients) | {("clip_norm", None): norms, ("clip_limit", None): 0.5}
    return made(given, loss=loss, layers=layers, parameters=parameters)


NOTHING = np.zeros(STEPS)
ONLY_FIRST = np.concatenate([[0.3], np.zeros(STEPS - 1)])  # the first call used the generator up
SPIKE = [0.1] * 8 + [1e4] * 3 + [0.1] * 9


@pytest.mark.parametrize("norms", [NOTHING, ONLY_FIRST], ids=["never", "once"])
@pytest.mark.parametrize("gradients", [SPIKE, [0.1] * 8 + [50.0] * 12], ids=["one spike", "growing"])
def test_a_clipping_that_is_given_nothing_is_the_cause(norms: np.ndarray, gradients: object) -> None:
    (finding,) = findings(RULE, clipping(norms, gradients, rising()))
    assert f"found no gradient to clip in {(norms == 0).sum()} of 200 steps" in finding.message
    assert finding.fix and "list(model.parameters())" in (finding.fix.code or "")


def test_a_clipping_that_is_given_nothing_does_no_harm_without_an_explosion() -> None:
    assert not findings(RULE, clipping(NOTHING, SPIKE, falling()))
    assert not findings(RULE, clipping(NOTHING, 0.1, rising()))


@pytest.mark.parametrize("norms", [0.3 * (np.arange(STEPS) % 2), np.full(STEPS, np.nan), 0.3 + NOTHING])
def test_a_clipping_that_sees_gradients_now_and_then_works(norms: np.ndarray) -> None:
    assert not findings(RULE, clipping(norms, SPIKE, rising()))


def test_gradients_that_are_zero_themselves_are_nothing_to_clip() -> None:
    assert not findings(RULE, clipping(NOTHING, [0.0] * 12 + [1e4] * 3 + [0.0] * 5, rising()))


@pytest.mark.parametrize(("before", "loud"), [([1.0] * 12, False), ([1.0] * 9 + [5.0, 30.0, 90.0], True)])
def test_a_gradient_that_is_infinite_at_once_did_not_grow(before: list[float], loud: bool) -> None:
    """A division by zero or the logarithm of it: `non-finite-values` names that."""
    loss = rising()
    loss[-80:] = np.nan
    _, parameters = mlp()
    assert bool(findings(RULE, made(per("gradient_norm", parameters, before + [np.inf] * 8), loss=loss))) is loud


@pytest.mark.parametrize(("lost", "ratio", "loud"), [(True, 1e6, True), (True, 10.0, False), (False, 1e6, False)])
def test_along_time_where_the_loss_is_lost(lost: bool, ratio: float, loud: bool) -> None:
    """One look may be all there is; what can be lived with is another rule's."""
    rnn = Layer("net.rnn", "RNN", "recurrent", network="net")
    loss = flat()
    loss[1:] = np.nan if lost else loss[1:] * 3
    reach = {("through_time", "net.rnn"): np.tile([ratio] * 4 + [1.0] * 16, (20, 1))}
    found = findings(RULE, made(reach, loss=loss, layers=[rnn], parameters=[]))
    assert bool(found) is loud
