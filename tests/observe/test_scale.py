"""The cost of recording does not grow with the length of a run; `tests/benchmarks/scale.py` measures the long ones."""

import sys
from math import log2
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))
from scale import drive


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list:  # type: ignore[type-arg]
    return [drive(tmp_path_factory.mktemp("scale"), steps, layers=6) for steps in (5_000, 40_000)]


def test_time_a_step_does_not_grow(runs: list) -> None:  # type: ignore[type-arg]
    """A late step of a long run against the steps of one an eighth as long, once its dense beginning was over.

    Within a run the tenths differ: where the budget has grown enough, each step's row is written whole again.
    """
    short, long = runs
    assert sorted(long.microseconds[6:])[1] < 2 * max(short.microseconds[3:]), runs


def test_memory_does_not_grow(runs: list) -> None:  # type: ignore[type-arg]
    assert runs[1].growth < 20 * 2**20, runs[1]


def test_disk_grows_by_the_row_of_a_step_and_by_40_snapshots_a_doubling(runs: list) -> None:  # type: ignore[type-arg]
    """Each run by itself: how many of the 35 to 37 that are wished for it can pay hangs on how busy the machine is."""
    short, long = runs
    for run in runs:
        assert run.snapshots <= 53 + 40 * log2(run.steps / 50), run
    by_step = (long.disk - short.disk) / (long.steps - short.steps)
    assert by_step < 200, (short, long)


def test_judging_is_linear_at_most(runs: list) -> None:  # type: ignore[type-arg]
    short, long = runs
    assert long.judged < 8 * max(short.judged, 0.2), (short, long)
