"""What is kept while a program runs: few samples, each once, with the targets they had, of the networks that were used."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from diagnose.observe.explain.kept import MOST, Keeper

from ..conftest import Observing


def test_a_bounded_even_selection_of_an_evaluation_is_kept(observing: Observing) -> None:
    with observing() as session:
        session.keeper = keeper = Keeper(session)
        net = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        x, y = torch.arange(8000.0).reshape(2000, 4) / 8000, torch.arange(2000) % 2
        for step in range(6):
            optimizer.zero_grad()
            F.cross_entropy(net(x[step * 8 : step * 8 + 8]), y[:8]).backward()
            optimizer.step()
            net.eval()
            with torch.no_grad():
                for part in range(0, 2000, 100):
                    F.cross_entropy(net(x[part : part + 100]), y[part : part + 100])
            net.train()
        (kept,) = keeper.kept.values()
        held, trained = kept.best(training=False), kept.best(training=True)
    assert keeper.failed is None and held is not None and trained is not None
    first = torch.stack([row.tensors[0][0] for row in held.rows])
    assert len(held.rows) == MOST == len(set(first.tolist()))
    assert 0.4 < float(first.mean()) < 0.6  # of all parts of the data, not the first ones
    assert len(held.ticks) == 3 and len(trained.rows) == 48
    targets = torch.stack([row.target for row in held.rows if row.target is not None])
    assert torch.equal(targets, ((first * 8000).round().long() // 4) % 2)


def test_a_discriminator_keeps_what_is_real_and_what_is_made_and_no_step_of_the_generator(observing: Observing) -> None:
    with observing() as session:
        session.keeper = keeper = Keeper(session)
        generator, critic = nn.Linear(2, 3), nn.Linear(3, 1)
        first, second = (torch.optim.SGD(m.parameters(), 0.1) for m in (generator, critic))
        for _ in range(4):
            made = generator(torch.randn(8, 2))
            second.zero_grad()
            real = F.binary_cross_entropy_with_logits(critic(torch.randn(8, 3)), torch.ones(8, 1))
            fake = F.binary_cross_entropy_with_logits(critic(made.detach()), torch.zeros(8, 1))
            (real + fake).backward()
            second.step()
            first.zero_grad()
            F.binary_cross_entropy_with_logits(critic(made), torch.ones(8, 1)).backward()
            first.step()
        (shown,) = (one.best(training=True) for one in keeper.kept.values() if one.module is critic)
    assert shown is not None and shown.loss is not None and shown.order == 0
    targets = torch.stack([row.target for row in shown.rows if row.target is not None])
    assert len(targets) == 64 and float(targets.mean()) == 0.5


def test_a_failure_is_kept_for_the_end_and_touches_nothing(observing: Observing) -> None:
    with observing() as session:
        session.keeper = keeper = Keeper(session)
        keeper._random = None  # type: ignore[assignment]
        net = nn.Linear(4, 2)
        optimizer = torch.optim.SGD(net.parameters(), 0.1)
        for _ in range(3):
            optimizer.zero_grad()
            F.cross_entropy(net(torch.randn(600, 4)), torch.zeros(600).long()).backward()
            optimizer.step()
    assert keeper.failed is not None and not keeper.kept
    assert session.run.trainings[0].steps == 3
