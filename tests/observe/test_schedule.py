"""When snapshots are taken, by a clock of our own."""

import pytest

import diagnose.observe.schedule as timing
from diagnose.observe.schedule import Schedule, meeting


def snapshots(
    monkeypatch: pytest.MonkeyPatch, cost: float, step: float, steps: int = 2000, ranks: int = 1
) -> tuple[list[int], Schedule, float]:
    """Steps at which snapshots were taken where each costs `cost` s and a step takes `step` s."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(timing.time, "thread_time", lambda: now[0])
    schedule, taken = Schedule(ranks=ranks), []
    schedule.began()
    for tick in range(steps):
        if schedule.wants(tick):
            schedule.opens()
            started = schedule.starts()
            now[0] += cost
            schedule.ends(started)
            schedule.closes(tick)
            taken.append(tick)
        now[0] += step
    return taken, schedule, now[0]


@pytest.mark.parametrize("cost", [0.001, 0.01, 0.03, 0.1])
@pytest.mark.parametrize("step", [0.002, 0.05])
def test_the_budget_holds_and_reaches_to_the_end(monkeypatch: pytest.MonkeyPatch, cost: float, step: float) -> None:
    taken, schedule, elapsed = snapshots(monkeypatch, cost, step)
    assert schedule.spent <= 1 + 0.02 * elapsed + cost
    assert taken[:4] == [0, 1, 2, 3]
    assert taken[-1] >= 600 or 0.02 * elapsed + 1 < 12 * cost  # unless a dozen snapshots are all there is money for


def test_cheap_snapshots_are_dense_at_the_start_and_35_in_each_doubling(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, _, _ = snapshots(monkeypatch, 0.0001, 0.01)
    assert taken[:50] == list(range(50))
    assert 33 <= sum(800 <= tick < 1600 for tick in taken) <= 38


def test_ranks_with_different_budgets_look_at_the_same_steps_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    quick, slow = (set(snapshots(monkeypatch, cost, 0.002, ranks=2)[0]) for cost in (0.0001, 0.5))
    assert slow < {*quick, *range(8)} and len(slow) < 50
    assert {64, 80, 96, 112, 128, 160, 192, 224, 256, 1024, 1280, 1536, 1792} <= quick & slow
    assert not {65, 72, 1025} & slow


def test_no_rest_reaches_over_a_step_that_the_ranks_meet_at() -> None:
    schedule = Schedule(ranks=2)
    for tick in range(40, 2000):
        skipped = schedule.rest(tick, 16)
        # after `skipped` steps that nobody looks at comes one at whose end the next is asked for
        assert not any(meeting(tick + n) for n in range(1, skipped + 1)) and skipped <= 16
        assert skipped == 16 or meeting(tick + skipped + 1)
    assert Schedule().rest(60, 16) == 16


def test_every_overrides_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(10)
    assert [tick for tick in range(50) if schedule.wants(tick)] == [0, 10, 20, 30, 40]


def test_the_turns_of_other_programs_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine where three others run, the clock goes four times as fast as our thread's processor time."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(timing.time, "thread_time", lambda: now[0] / 4)
    schedule = Schedule()
    schedule.opens()
    started = schedule.starts()
    now[0] += 0.4
    schedule.ends(started)
    schedule.closes(0)
    assert schedule.spent == pytest.approx(0.1)
    started = schedule.starts()
    now[0] += 0.02  # interrupted for a turn
    schedule.ends(started)
    schedule.pulse(2e-5)
    assert schedule.spent == pytest.approx(0.1 + timing.PULSE + 2e-5)
