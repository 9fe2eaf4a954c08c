"""What does not fit into the time is left out in the stated order and said; what comes takes no longer than it may."""

from __future__ import annotations

import time
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import nn

import diagnose
from diagnose.observe.explain.plan import Plan, fitted, ladder, left_out, stages

METHODS = ("integrated-gradients", "occlusion", "grad-cam")


class Given(SimpleNamespace):
    """An image as a subject's input."""

    kind, shape, embedding = "image", (3, 16, 16), None


class Samples(SimpleNamespace):
    """A subject of 512 samples."""

    inputs = (Given(),)

    def __len__(self) -> int:
        return 512


SUBJECT = cast("Any", Samples())


def budget(seconds: float, left: float | None = None) -> Any:
    return SimpleNamespace(seconds=seconds, left=seconds if left is None else left, forward=1e-3, cost=3e-3)


def test_whatever_the_time_the_estimate_fits_or_nothing_more_can_be_left_out() -> None:
    poorest = list(ladder(Plan(), 2))[-1]
    amounts = []
    for seconds in (300.0, 60.0, 30.0, 15.0, 8.0, 4.0, 2.0, 1.0, 0.1):
        plan = fitted(Plan(), Plan(), SUBJECT, budget(seconds), METHODS)
        amounts.append(sum(stages(plan, SUBJECT, budget(seconds), METHODS).values()))
        assert amounts[-1] <= seconds or plan == poorest
    assert fitted(Plan(), Plan(), SUBJECT, budget(300), METHODS) == Plan() and amounts == sorted(amounts, reverse=True)
    assert amounts[-1] < 1  # of single gradients, with the fewest checks


def test_samples_go_first_then_orders_then_methods() -> None:
    order = list(ladder(Plan(shown=20), 2))
    first = {
        name: next(i for i, plan in enumerate(order) if getattr(plan, name) != getattr(Plan(shown=20), name))
        for name in ("tried", "overall", "shown", "orders", "draws", "layers", "others", "steps", "gradient", "exchanges")
    }
    assert [first[name] for name in first] == sorted(first.values())
    assert first["orders"] == first["draws"] > first["shown"] and order[first["orders"]].others == Plan().others


def test_what_a_stage_has_followed_stays() -> None:
    behind = replace(Plan(), looked_at=64, draws=1, judged=64)
    plan = fitted(Plan(), behind, SUBJECT, budget(300), METHODS, done=("losses", "learnt"))
    assert (plan.looked_at, plan.draws, plan.judged) == (64, 1, 64) and plan.tried == Plan().tried


def test_slower_than_it_was_thought_leaves_out_more() -> None:
    quick, slow = (fitted(Plan(), Plan(), SUBJECT, budget(40), METHODS, pace=pace) for pace in (1.0, 4.0))
    assert slow.overall < quick.overall


def test_it_is_said_in_one_line() -> None:
    plan = replace(Plan(), tried=64, orders=4, others=0)
    said = left_out(plan, Plan(), 512, 2, budget(30))
    for part in ("1 ms forward and 3 ms with its gradient", "within 30 s", "exchanges on 64 of 256", "4 of 8 random orders",
                 "0 of 2 further methods", "--seconds"):  # fmt: skip
        assert part in said, said
    assert "losses" not in said and "\n" not in said
    assert left_out(Plan(), Plan(), 512, 2, budget(30)) == left_out(replace(Plan(), tried=256), Plan(), 100, 2, budget(30)) == ""


class Slow(nn.Module):
    """Takes at least a few milliseconds of processor time a sample."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 32, 5, padding=2), nn.ReLU(), nn.Conv2d(32, 32, 5, padding=2), nn.ReLU())
        self.head = nn.Linear(32, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.body(x).mean((2, 3)))
        return found


def test_a_slow_network_keeps_within_its_time_and_says_what_is_missing() -> None:
    x, y = torch.randn(32, 1, 32, 32), torch.randint(0, 3, (32,))
    began = time.process_time()
    told = diagnose.explain(Slow(), x, y, seconds=2)
    assert time.process_time() - began < 4
    (said,) = told.notes
    assert "within 2 s" in said and told.samples[0].maps and told.trust
    for method in told.methods:
        assert method.refused is None or "no time for it: it would take about" in method.refused


@pytest.mark.parametrize("side", [8, 64])
def test_samples_at_once_fit_into_memory(side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from diagnose.observe.explain import budget as told

    monkeypatch.setattr(told, "MEMORY", 2**22)
    x, y = torch.randn(40, 1, side, side), torch.randint(0, 3, (40,))
    largest = 0

    def note(module: nn.Module, args: Any) -> None:
        nonlocal largest
        largest = max(largest, len(args[0]))

    network = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * side * side, 3))
    network[0].register_forward_pre_hook(note)
    diagnose.explain(network, x, y, samples=2, seconds=2)
    each = 2 * 4 * (side * side * (8 + 8 + 8 + 1) + 3 + 3)
    assert largest <= max(8, 2**22 // each + 2), (largest, 2**22 // each)
