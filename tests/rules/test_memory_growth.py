"""memory-growth: a steady rise after the first third."""

import numpy as np
import pytest
from hand_built import found, line, training

RULE = "memory-growth"
MB = 2.0**20


def test_a_steady_rise_is_a_warning_with_its_pace() -> None:
    (finding,) = found(RULE, training((), {"memory_bytes": line(300 * MB, 700 * MB, 40)}))
    assert finding.severity == "warning" and "KB a step" in finding.message


@pytest.mark.parametrize(
    "levels",
    [
        np.full(40, 300.0),
        np.r_[line(200, 400, 10), np.full(30, 400.0)],  # warm-up
        np.r_[np.full(20, 300.0), np.full(20, 500.0)],  # one step up
        line(300, 325, 40),  # less than a tenth
        line(10, 30, 40),  # less than 32 MB
        300 + 200 * (np.arange(40) % 2),  # up and down
        line(300, 700, 7),  # too few
    ],
    ids=["flat", "warm-up", "once", "a tenth", "small", "swinging", "few"],
)
def test_silent_on_what_does_not_grow(levels) -> None:
    assert not found(RULE, training((), {"memory_bytes": np.asarray(levels) * MB}))


def test_a_replay_buffer_fills_on_purpose() -> None:
    assert not found(RULE, training((), {"memory_bytes": line(300 * MB, 700 * MB, 40)}, kind="reinforcement"))
