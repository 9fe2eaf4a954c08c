import numpy as np
import pytest
from curve import along, noisy, training, validation
from made import LN2, SITE, findings

from diagnose.run import Edge, Layer

RULE = "underfitting"


def settling(share: float, steps: int = 1000) -> np.ndarray:
    """Falls quickly from above what a constant reaches to `share` of it, and stays."""
    return noisy(LN2 * (share + (1.3 - share) * np.exp(-30 * along(steps))), 0.02)


@pytest.mark.parametrize(("share", "loud"), [(0.95, True), (0.85, True), (0.75, False), (0.1, False)])
def test_speaks_where_most_of_the_constants_loss_is_left(share: float, loud: bool) -> None:
    assert bool(findings(RULE, training(settling(share)))) is loud


def test_says_how_much_is_left() -> None:
    (finding,) = findings(RULE, training(settling(0.9)))
    assert "90% of what always answering the same reaches" in finding.message and finding.severity == "warning"


def test_a_loss_that_still_falls_is_not_done() -> None:
    falling = noisy(LN2 * (1.0 - 0.15 * along()), 0.02)
    assert not findings(RULE, training(falling))


def test_a_loss_that_never_fell_is_another_matter() -> None:
    assert not findings(RULE, training(noisy(np.full(1000, LN2), 0.02)))


@pytest.mark.parametrize("kind", ["gan", "reinforcement", "unknown", "contrastive"])
def test_silent_for_kinds_whose_constant_is_not_known(kind: str) -> None:
    assert not findings(RULE, training(settling(0.9), kind=kind))


def test_few_epochs_tell_nothing() -> None:
    assert not findings(RULE, training(settling(0.9), epochs=3))


HELD = np.linspace(1.0, 0.83, 12) * LN2  # came down beyond doubt, by little


@pytest.mark.parametrize(("hidden", "loud"), [(64, False), (2, True), (1, True)])
def test_where_a_held_out_loss_came_down_only_a_narrow_layer_is_blamed(hidden: int, loud: bool) -> None:
    layers = [Layer("net.0", "Linear", "linear", settings={"out_features": hidden}),
              Layer("net.2", "Linear", "linear", settings={"out_features": 1})]  # fmt: skip
    follows = [Edge("input", "net.0"), Edge("net.0", "net.2"), Edge("net.2", SITE.id)]
    assert bool(findings(RULE, training(settling(0.82), validation(HELD), layers=layers, edges=follows))) is loud
    past = [*follows, Edge("input", "net.2")]  # not all passes it
    assert not findings(RULE, training(settling(0.82), validation(HELD), layers=layers, edges=past))


@pytest.mark.parametrize(("share", "hidden", "loud"), [(0.6, 3, True), (0.6, 4, False), (0.4, 3, False)])
def test_a_network_that_three_units_hold_up_may_have_learnt_more(share: float, hidden: int, loud: bool) -> None:
    layers = [Layer("net.0", "Linear", "linear", settings={"out_features": hidden}), Layer("net.1", "ReLU", "activation"),
              Layer("net.2", "Linear", "linear", settings={"out_features": 1})]  # fmt: skip
    follows = [Edge("input", "net.0"), Edge("net.0", "net.1"), Edge("net.1", "net.2"), Edge("net.2", SITE.id)]
    assert bool(findings(RULE, training(settling(share), validation(HELD), layers=layers, edges=follows))) is loud


@pytest.mark.parametrize(("same", "chance", "loud"), [(0.8, 0.8, False), (1.0, 0.8, True)])
def test_samples_that_meet_by_chance_are_held_out_all_the_same(same: float, chance: float, loud: bool) -> None:
    seen = validation(HELD, same_data=same, chance_data=chance)
    assert bool(findings(RULE, training(settling(0.82), seen))) is loud
