"""Loss curves of which not every step is there: what rules say hangs on the training, not on what could be recorded of it."""

import numpy as np
import pytest
from curve import along, noisy
from hand_built import evaluation, line, site, training

from diagnose.rules.trend import MOST_PAIRED, evenly, fall, kendall, pairs
from diagnose.run import Series


def dense_then_sparse(values: np.ndarray, dense: int, gap: int) -> Series:
    """Each of the first steps, and one in `gap` of the rest."""
    steps = np.r_[np.arange(dense), np.arange(dense, len(values), gap)]
    return Series("loss", None, steps, values[steps])


@pytest.mark.parametrize("gaps", [[1] * 500, [2] * 300, [1, 3] * 200, [64] * 40], ids=lambda gaps: f"{gaps[0]}..{gaps[-1]}")
def test_what_is_even_stays_as_it_is(gaps: list[int]) -> None:
    steps = np.cumsum(gaps)
    series = Series("loss", None, steps, np.zeros(len(steps)))
    assert evenly(series) is series


def test_a_few_entries_stay_as_they_are() -> None:
    for count in range(3):
        series = Series("loss", None, np.arange(count) ** 3, np.zeros(count))
        assert evenly(series) is series


@pytest.mark.parametrize(("dense", "gap"), [(2000, 64), (300, 20), (5000, 200), (40, 9)])
def test_halves_of_the_entries_are_halves_of_the_training(dense: int, gap: int) -> None:
    series = dense_then_sparse(np.arange(20_000.0), dense, gap)
    found = evenly(series)
    assert set(found.steps) <= set(series.steps) and found.values.tolist() == found.steps.tolist()
    assert found.steps[0] == 0 and np.mean(found.steps < 10_000) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("rate", [0.5, 2.0, 8.0])
def test_a_fall_is_that_of_the_whole_training(rate: float) -> None:
    values = noisy(0.05 + 0.64 * np.exp(-rate * along(20_000)), 0.002)
    whole = fall(Series("loss", None, np.arange(20_000), values))
    part = fall(evenly(dense_then_sparse(values, 3000, 60)))
    assert whole is not None and part is not None
    assert part.level == pytest.approx(whole.level, abs=0.01) and part.before == pytest.approx(whole.before, abs=0.01)
    assert part.gain == pytest.approx(whole.gain, abs=0.02)


def test_of_uneven_entries_too_the_last_half_of_the_steps_tells_the_fall() -> None:
    """A curve that fell in the steps that are all there, and has stood still since."""
    steps = np.arange(20_000)
    values = noisy(np.where(steps < 3000, 0.7 - 0.0002 * steps, 0.1), 0.002)
    found = fall(dense_then_sparse(values, 3000, 60))
    assert found is not None and found.gain < 0.001 and found.before == pytest.approx(0.1, abs=0.01)


def test_no_fall_is_told_of_an_end_that_was_hardly_seen() -> None:
    values = np.linspace(1.0, 0.1, 20_000)
    assert fall(dense_then_sparse(values, 3000, 9000)) is None


def test_a_trend_in_many_values_is_told_as_in_few() -> None:
    """A hundred thousand pairs of pairs would take days: blocks tell the same, without a trend and with one."""
    random = np.random.default_rng(0)
    without = [kendall(random.standard_normal(10 * MOST_PAIRED)) for _ in range(120)]
    assert np.std(without) == pytest.approx(1.0, abs=0.2) and abs(np.mean(without)) < 0.3
    for count in (MOST_PAIRED - 1, 100_000):
        slope = along(count) * 5 / np.sqrt(count)  # as many standard errors, whatever the number of values
        found = [kendall(slope + random.standard_normal(count)) for _ in range(8)]
        assert np.mean(found) == pytest.approx(1.41, abs=0.6)


@pytest.mark.parametrize(("function", "target", "pairs_up"), [
    ("cross_entropy", (32,), True),
    ("cross_entropy", (32, 8, 8), False),  # a label for each pixel: the sum over a picture is not their mean
    ("mse_loss", (32,), False),
])  # fmt: skip
def test_a_sum_of_one_loss_a_sample_is_evaluated_as_their_mean(function: str, target: tuple[int, ...], pairs_up: bool) -> None:
    trained = site(function, target_shape=target)
    summed = site(function, target_shape=target, arguments={"reduction": "sum"}, role="evaluation")
    given = training(trained, {"training_loss": line(1.0, 0.5)}, evaluations=[evaluation(site=summed)])
    assert bool(list(pairs(given, passes=1))) is pairs_up
