"""What is said while the program still runs: errors alone, held twice, one line each."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from diagnose.cli import _live
from diagnose.observe.session import Session
from diagnose.record.writer import Writer
from diagnose.settings import Settings


def trained(live: _live.LiveJudge, session: Session, steps: int, fault: bool) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    x = torch.randn(64, 6)
    y = (x[:, 0] > 0).long() + 2 * (x[:, 1] > 0).long()
    session.on_step = live.step
    for _ in range(steps):
        optimizer.zero_grad()
        out = net(x)
        F.cross_entropy(out.softmax(1) if fault else out, y).backward()
        optimizer.step()
        for _ in range(100):  # a look goes on beside the program: wait for it, so that the test does not depend on time
            if not live._busy.locked():
                break
            time.sleep(0.05)


@pytest.mark.parametrize("fault", [True, False])
def test_an_error_is_said_once_when_it_has_held(fault: bool, tmp_path: Path, monkeypatch: Any, capfd: Any) -> None:
    monkeypatch.setattr(_live, "FIRST", 40)
    monkeypatch.setattr(_live, "PATIENCE", 0.0)
    monkeypatch.setattr(_live, "SHARE", 1e9)
    writer = Writer.create(tmp_path, "train.py", [])
    session = Session(writer, strict=True)
    session.start()
    live = _live.LiveJudge(session, Settings())
    live._next = _live.FIRST
    try:
        trained(live, session, 400, fault)
    finally:
        session.finish()
        writer.close("finished")
    lines = [line for line in capfd.readouterr().err.splitlines() if line.startswith("diagnose:")]
    assert len([line for line in lines if "softmax-before-cross-entropy" in line]) == (1 if fault else 0)
    assert all(": error at step" in line for line in lines)
