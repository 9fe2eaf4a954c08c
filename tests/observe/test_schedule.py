"""When snapshots are taken, by a clock of our own."""

import math

import pytest

import diagnose.observe.schedule as timing
from diagnose.observe.schedule import Schedule, meeting


def snapshots(
    monkeypatch: pytest.MonkeyPatch, cost: float, step: float, steps: int = 2000, ranks: int = 1
) -> tuple[list[int], Schedule, float]:
    """Steps at which snapshots were taken where each costs `cost` s and a step takes `step` s."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
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
    budget = 1 + 0.02 * elapsed
    if 25 * cost < budget:
        assert schedule.spent <= budget + cost
    else:  # as dear as fifty steps and more: two in each doubling are more than there is money for
        assert schedule.spent <= 2 * budget + cost
    assert taken[:3] == [0, 1, 2] and taken[-1] >= 1400


@pytest.mark.parametrize("cost", [0.003, 0.01])
@pytest.mark.parametrize("steps", [60, 500, 5000])
def test_each_doubling_has_two_snapshots_though_the_budget_is_gone(monkeypatch: pytest.MonkeyPatch, cost: float, steps: int) -> None:
    """In a second training after one that has used the budget up, too."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    schedule = Schedule()
    schedule.began()
    schedule.spent = 1.0
    for origin in (0, steps):
        schedule.starts_again(origin)
        taken = []
        for tick in range(origin, origin + steps):
            if schedule.wants(tick):
                schedule.opens()
                schedule.spent += cost
                schedule.closes(tick)
                taken.append(tick - origin)
            now[0] += 0.0003
        assert taken[:3] == [0, 1, 2]
        for at in range(4, steps // 2):
            assert sum(at <= tick < 2 * at for tick in taken) >= 2, at
        assert len(taken) < 12 + 4 * math.log2(steps)
    assert schedule.spent < 1 + 2 * (12 + 4 * math.log2(steps)) * cost


@pytest.mark.parametrize("alike", [True, False])
def test_trainings_by_the_same_lines_share_one_budget(monkeypatch: pytest.MonkeyPatch, *, alike: bool) -> None:
    """Each by other lines is worth the price of its start up to twice the budget, those alike up to a tenth more than it."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    schedule, cost, taken = Schedule(), 0.005, []
    schedule.began()
    for training in range(300):
        tick = 40 * training
        due = schedule.starts_again(tick, alike=alike and training > 0)
        for step in range(40):
            if due:
                schedule.opens()
                schedule.spent += cost
                schedule.closes(tick + step)
                taken.append(training)
            due = schedule.wants(tick + step + 1)
            now[0] += 0.0003
    budget = 1 + 0.02 * now[0]
    most = 1.1 if alike else 2
    assert 0.9 * budget < schedule.spent <= most * budget + cost
    assert taken[:3] == [0, 0, 0] and taken[-1] > 200


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


def test_no_rest_reaches_over_the_snapshot_that_a_doubling_must_have() -> None:
    schedule = Schedule()
    schedule.spent = 1.5
    for tick in (0, 1, 2, 40):
        schedule.closes(tick)
    at = 41
    while not schedule.wants(at):
        at += 1 + schedule.rest(at, 256)
    assert 56 <= at <= 58


def test_every_overrides_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = Schedule(10)
    assert [tick for tick in range(50) if schedule.wants(tick)] == [0, 10, 20, 30, 40]


def test_the_turns_of_other_programs_are_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine where three others run, the clock goes four times as fast as our thread's processor time."""
    now = [0.0]
    monkeypatch.setattr(timing.time, "perf_counter", lambda: now[0])
    schedule = Schedule()
    schedule.opens()
    schedule.measured(0.08, 0.02)
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
