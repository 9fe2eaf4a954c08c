"""Snapshots that arrive together are written as they would be one by one."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from diagnose.observe import arrival
from diagnose.observe.session import Session
from diagnose.record.writer import Writer


class Often(nn.Module):
    """Calls a layer several times, some with a functional activation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.again = nn.Linear(12, 20), nn.Linear(20, 20)
        self.squash, self.last = nn.Sigmoid(), nn.Linear(20, 4)
        self.soft = nn.Softmax(-1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = F.relu(self.first(x))
        for _ in range(5):
            h = self.squash(self.again(h))
        return self.soft(self.last(h))


def uneven(step: int) -> None:
    """Batches of two sizes, one to three backwards a step: snapshots of several forms take turns."""
    for k in range(1 + step % 3):
        x, y = torch.randn(7 + step % 2, 12), torch.randint(0, 4, (7 + step % 2,))
        p = often(x)
        (F.nll_loss((p + 1e-6).log(), y) + F.mse_loss(p, torch.rand_like(p)) + k).backward()
    of_often.step()
    of_often.zero_grad()


def two_networks(step: int) -> None:
    of_left.zero_grad()
    F.binary_cross_entropy_with_logits(left(torch.randn(16, 6)).squeeze(1), torch.randint(0, 2, (16,)).float()).backward()
    of_left.step()
    if step % 2:
        of_right.zero_grad()
        F.cross_entropy(right(torch.randn(3000, 6)), torch.randint(-1, 3, (3000,)), ignore_index=-1).backward()
        of_right.step()


def begin() -> None:
    global often, of_often, left, right, of_left, of_right
    torch.manual_seed(0)
    often = Often()
    of_often = torch.optim.SGD(often.parameters(), lr=0.1)
    left = nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(), nn.Linear(8, 8), nn.Hardtanh(), nn.Linear(8, 1))
    right = nn.Sequential(nn.Linear(6, 8), nn.ReLU6(), nn.Linear(8, 3))
    of_left, of_right = (torch.optim.Adam(net.parameters()) for net in (left, right))


def vectors(folder: Path, step: Callable[[int], None], *, one_by_one: bool) -> tuple[dict[tuple[Any, ...], bytes], list[int]]:
    """What was recorded, by step, stream, quantity and places; and how many snapshots were arranged together."""
    together: list[int] = []
    folder.mkdir()
    writer = Writer.create(folder, "x", [])
    session = Session(writer, every=1, strict=True)
    session.start()
    arranged, all_waiting = arrival._of_form, Event()

    def counting(form: object, arrived: list[object]) -> object:
        assert one_by_one or all_waiting.wait(60)  # however quick the thread that writes is
        together.append(len(arrived))
        return (yield from arranged(form, arrived))  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arrival, "_of_form", counting)
        begin()
        for number in range(40):
            step(number)
            if one_by_one:
                assert writer.flush(60)
        all_waiting.set()
        session.finish()
        writer.close("finished")
    connection = sqlite3.connect(writer.file)
    layouts = {number: rest for number, *rest in connection.execute("SELECT * FROM layouts")}
    rows = connection.execute("SELECT tick, stream, quantity, layout, data FROM vectors").fetchall()
    connection.close()
    found = {(tick, stream, quantity, *layouts[layout]): data for tick, stream, quantity, layout, data in rows}
    assert len(found) == len(rows)
    return found, together


@pytest.mark.parametrize("step", [uneven, two_networks])
def test_the_same_as_one_by_one(tmp_path: Path, step: Callable[[int], None]) -> None:
    single, alone = vectors(tmp_path / "single", step, one_by_one=True)
    several, together = vectors(tmp_path / "several", step, one_by_one=False)
    assert max(alone) <= 2 < max(together)
    assert {quantity for _, _, quantity, *_ in single} >= {"output_mean", "dead_share", "class_count", "output_histogram", "update_norm"}
    assert single == several
