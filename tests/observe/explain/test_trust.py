"""Trust figures against closed forms, and failing where they must."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import diagnose
from diagnose.explanation import Explanation
from diagnose.observe.explain.budget import Budget
from diagnose.observe.explain.calls import Loss, Output, Row, call_of
from diagnose.observe.explain.kinds import settle
from diagnose.observe.explain.methods import Work
from diagnose.observe.explain.subject import Subject
from diagnose.observe.explain.trust import Randomised, checks, completeness, curves, sensitivity

ROWS = torch.arange(20)


def work_on(model: nn.Module, x: Tensor, y: Tensor, loss: Any = F.mse_loss) -> Work:
    made = call_of(model, (x,), {}, None)
    assert not isinstance(made, str)
    subject = Subject(model, made[0], Output(), Loss(loss.__name__, loss), [Row([a], b) for a, b in zip(x, y, strict=True)], "net")
    settle(subject)
    return Work(subject, Budget(subject), subject.chosen(subject.predict(torch.arange(len(x)))))


@pytest.fixture
def linear() -> tuple[Work, Tensor]:
    """A linear model, and its exact contributions."""
    x = torch.randn(200, 6)
    weights = torch.tensor([2.0, -1.0, 0.5, 0.25, -0.1, 0.0])
    model = nn.Linear(6, 1)
    model.weight.data[:] = weights
    return work_on(model, x, (x @ weights)[:, None]), (weights * (x - x.mean(0)))[ROWS]


def test_exact_contributions_are_complete_and_a_tenth_too_much_is_a_tenth(linear: tuple[Work, Tensor]) -> None:
    work, exact = linear
    assert completeness(work, ROWS, (exact,)).max() < 1e-4
    assert torch.allclose(completeness(work, ROWS, (1.1 * exact,)), torch.full((20,), 0.1), atol=1e-3)


def test_the_right_order_beats_random_ones_and_the_reverse_loses(linear: tuple[Work, Tensor]) -> None:
    work, exact = linear
    with torch.no_grad():
        change = work.forward(work.subject.inputs[0].raw[ROWS], ROWS) - work.forward(*work.baselines(20), ROWS)
    large = change.abs() > 1.0  # where nothing changes there is no order
    for right, wrong in zip(curves(work, ROWS, (exact,)), curves(work, ROWS, (-exact,)), strict=True):
        assert (right[large] > 0).all() and (wrong[large] < 0).all()


def test_sensitivity_is_that_of_the_map(linear: tuple[Work, Tensor]) -> None:
    work, exact = linear
    steady = sensitivity(work, lambda rows: (exact[: len(rows)],), ROWS, (exact,))
    assert (steady == 0).all()
    generator = torch.Generator().manual_seed(3)
    jumping = sensitivity(work, lambda rows: (torch.randn(20, 6, generator=generator) * 9,), ROWS, (exact,))
    assert (jumping > 1).all()


def test_a_map_of_the_input_alone_fails_the_randomisation_check() -> None:
    x = torch.randn(300, 12)
    y = (x[:, :3].sum(1) > 0).long()
    model = nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    for _ in range(200):
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()
    work = work_on(model, x, y, F.cross_entropy)

    def edges(rows: Tensor) -> tuple[Tensor, ...]:
        return (work.subject.inputs[0].values(rows),)

    told = checks(work, edges, ROWS, edges(ROWS), complete=False, random=Randomised(work.subject))
    (failed,) = (check for check in told[0] if check.name == "randomisation")
    assert failed.value == pytest.approx(1.0) and not failed.passed
    sound = {check.name: check for check in diagnose.explain(model, x, y).trust}
    assert sound["randomisation"].passed and sound["learnt"].passed


@pytest.mark.parametrize("seed", range(4))
def test_an_untrained_network_has_learnt_nothing(seed: int) -> None:
    torch.manual_seed(seed)
    x = torch.randn(300, 12)
    y = (x[:, :3].sum(1) > 0).long()
    told: Explanation = diagnose.explain(nn.Sequential(nn.Linear(12, 32), nn.ReLU(), nn.Linear(32, 2)), x, y)
    (learnt,) = (check for check in told.trust if check.name == "learnt")
    assert not learnt.passed


def test_shuffled_weights_are_taken_back() -> None:
    x = torch.randn(100, 6)
    work = work_on(nn.Sequential(nn.Linear(6, 4), nn.BatchNorm1d(4), nn.Linear(4, 1)), x, x[:, :1])
    before = {name: value.clone() for name, value in work.subject.model.state_dict().items()}
    random = Randomised(work.subject)
    maps = (torch.randn(20, 6),)
    random.likeness(lambda rows: maps, ROWS, maps)
    assert all(torch.equal(before[name], value) for name, value in work.subject.model.state_dict().items())
