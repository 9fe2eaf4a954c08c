import numpy as np
import pytest
from looked import explanation, found

from diagnose.rules.attribution.memorised_samples import membership_advantage

RULE = "memorised-samples"


def losses(advantage: float, ratio: float, count: int = 200):
    """A share of the new samples costs more than any trained one, so that one threshold has this advantage."""
    seen = np.full(count, 0.1)
    new = np.full(count, 0.1)
    dear = round(advantage * count)
    if dear:
        new[:dear] = 0.1 * (ratio * count - (count - dear)) / dear
    return explanation(losses=new, training_losses=seen)


@pytest.mark.parametrize(("advantage", "loud"), [(0.0, False), (0.3, False), (0.34, False), (0.36, True), (0.9, True)])
def test_speaks_beyond_the_membership_advantage(advantage: float, loud: bool) -> None:
    assert bool(found(RULE, losses(advantage, 10.0))) is loud


@pytest.mark.parametrize(("ratio", "loud"), [(1.5, False), (2.9, False), (3.1, True)])
def test_speaks_beyond_the_gap_of_losses(ratio: float, loud: bool) -> None:
    assert bool(found(RULE, losses(0.6, ratio))) is loud


def test_silent_on_few_samples_and_on_reconstructions() -> None:
    assert not found(RULE, losses(0.9, 10.0, count=63))
    assert not found(RULE, explanation(task="autoencoder", losses=np.full(99, 5.0), training_losses=np.full(99, 0.1)))


def test_advantage_is_the_largest_distance_of_the_two_distributions() -> None:
    generator = np.random.default_rng(0)
    seen, new = generator.normal(0, 1, 20_000), generator.normal(1, 1, 20_000)
    found_, at = membership_advantage(seen, new)
    assert found_ == pytest.approx(0.3829, abs=0.01)  # 2 Φ(1/2) - 1
    assert at == pytest.approx(0.5, abs=0.15)
    assert membership_advantage(seen, seen)[0] <= 1e-4
