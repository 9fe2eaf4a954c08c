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


def test_what_a_step_does_does_not_grow(runs: list) -> None:  # type: ignore[type-arg]
    """By the calls that a step makes; how long they take is for `tests/benchmarks/scale.py` to say.

    Steps differ: one whose row is put off to save the budget makes few calls, one that hands rows to the thread that writes
    makes many. So the usual step of the late half of a run is held against the most that any of its kind in the early half made.
    """
    compared = 0
    for run in runs:
        half = len(run.calls) // 2
        for lean in (False, True):
            early, late = ([calls for kind, calls in part if kind == lean] for part in (run.calls[:half], run.calls[half:]))
            if len(early) > 3 and len(late) > 3:
                compared += 1
                assert sorted(late)[len(late) // 2] <= max(early), run
    assert compared, runs


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
