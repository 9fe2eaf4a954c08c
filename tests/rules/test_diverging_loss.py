import numpy as np
import pytest
from curve import along, noisy, training
from made import SITE, findings, replace

from diagnose.run import Event

RULE = "diverging-loss"
GOOD = 0.69 * np.exp(-4 * along(600)) + 0.05


def ending(factor: float, share: float = 0.3) -> np.ndarray:
    """Falls as it should, then rises to `factor` of its first value over the last `share`."""
    t = along(600)
    start, turn = GOOD[0], GOOD[int(600 * (1 - share))]
    return noisy(np.where(t < 1 - share, GOOD, turn + (factor * start - turn) * ((t - 1 + share) / share).clip(0)))


@pytest.mark.parametrize(("factor", "loud"), [(0.1, False), (0.25, False), (0.8, True), (3.0, True)])
def test_speaks_when_half_of_the_gain_is_lost(factor: float, loud: bool) -> None:
    assert bool(findings(RULE, training(ending(factor)))) is loud


def test_says_how_much() -> None:
    (finding,) = findings(RULE, training(ending(4.0)))
    assert "times its start" in finding.message and finding.severity == "error" and "0.1" in finding.fix.text


def test_speaks_of_a_loss_that_only_rises() -> None:
    assert findings(RULE, training(noisy(np.exp(5 * along(300)))))


@pytest.mark.parametrize("seed", range(40))
def test_noise_is_no_rise(seed: int) -> None:
    for level in (np.full(300, 0.69), GOOD):
        assert not findings(RULE, training(np.abs(noisy(level, 0.3, seed))))


def test_noise_of_few_steps_is_no_rise() -> None:
    """One of a hundred at most: a program may train hundreds of networks for so long."""
    short = [np.full(steps, 0.4) for steps in (14, 21, 30)]
    found = [findings(RULE, training(np.abs(noisy(level, 0.3, seed)))) for level in short for seed in range(200)]
    assert sum(map(bool, found)) <= 6


def test_a_bump_on_the_way_is_forgiven() -> None:
    bump = GOOD.copy()
    bump[200:260] += 5
    assert not findings(RULE, training(noisy(bump)))


def test_spikes_at_the_end_are_no_level() -> None:
    spiky = GOOD.copy()
    spiky[570:600:10] = 9
    assert not findings(RULE, training(noisy(spiky)))


def test_an_end_without_a_number() -> None:
    lost = GOOD.copy()
    lost[500:] = np.inf
    assert findings(RULE, training(lost))
    lost[500:] = np.nan
    event = Event("non-finite", 500, "net.0", {"what": "loss"})
    (finding,) = findings(RULE, training(lost, events=[event]))
    assert "step 500" in finding.message
    assert not findings(RULE, training(lost))  # not measured is not lost


def test_a_loss_below_what_is_possible() -> None:
    (finding,) = findings(RULE, training(-(np.exp(5 * along(300)) - 1)))
    assert "never negative" in finding.message
    custom = [replace(SITE, function="custom", arguments={})]
    assert not findings(RULE, training(-(np.exp(5 * along(300)) - 1), losses=custom))


@pytest.mark.parametrize("kind", ["gan", "reinforcement"])
def test_silent_for_kinds_without_a_level(kind: str) -> None:
    assert not findings(RULE, training(ending(3.0), kind=kind))


@pytest.mark.parametrize(("weight", "kind", "loud"), [(-1.0, "binary-classification", True), (-1.0, "gan", False)])
def test_a_loss_whose_negative_goes_backward_is_maximised(weight: float, kind: str, loud: bool) -> None:
    rising = noisy(0.7 * np.exp(5 * along(300)))
    site = replace(SITE, weight=weight)
    turned = training(rising, losses=[site], kind=kind, given={("loss", None): -rising})
    found = findings(RULE, turned)
    assert bool(found) is loud
    if loud:
        assert "it is maximised" in found[0].message and "-1 times" in found[0].message
    falling = training(GOOD, losses=[site], kind=kind, given={("loss", None): -GOOD})
    assert not findings(RULE, falling)  # a reversed gradient elsewhere
