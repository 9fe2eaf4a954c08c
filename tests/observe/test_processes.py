"""Whole programs under `diagnose run`: the same to the last byte on both streams, and nothing lost when they are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from diagnose.record.reader import load

TRAIN = """
import hashlib, warnings
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.functional import l1_loss

torch.manual_seed(1)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(inplace=True), nn.Dropout(0.2), nn.BatchNorm1d(8), nn.Linear(8, 1))
optimizer = torch.optim.Adam(net.parameters())
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 2)
scheduler.step()
x, y = torch.randn(16, 4), torch.randn(16)
for epoch in range(6):
    optimizer.zero_grad()
    loss = F.mse_loss(net(x), y)
    loss = loss + nn.MSELoss()(net(x), y)
    loss = loss + l1_loss(net(x), y)
    loss.backward()
    optimizer.step()
    warnings.warn("the program's own")
net.eval()
with torch.no_grad():
    print(F.mse_loss(net(x), y).item())
digest = hashlib.sha256()
for name, value in net.state_dict().items():
    digest.update(value.numpy().tobytes())
digest.update(torch.random.get_rng_state().numpy().tobytes())
print(digest.hexdigest())
torch.save(net, "net.pt")
print(hashlib.sha256(open("net.pt", "rb").read()).hexdigest())
"""

COUNTS = """
import sys, time
import torch
net = torch.nn.Linear(16, 4)
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
x, y = torch.randn(32, 16), torch.randint(0, 4, (32,))
while True:
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(x), y).backward()
    optimizer.step()
    print(time.time(), flush=True)
    time.sleep(0.02)
"""
DIAGNOSE = ("-m", "diagnose", "run", "-q")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("flags", [(), ("-W", "error::UserWarning:__main__")], ids=["warnings shown", "warnings as errors"])
def test_the_same_on_both_streams(flags: Sequence[str], tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    bare = run(tmp_path, *flags, "train.py")
    ours = run(tmp_path, *flags, *DIAGNOSE, "train.py")
    assert (ours.returncode, ours.stdout) == (bare.returncode, bare.stdout)
    assert ours.stderr == bare.stderr
    if flags:
        assert bare.returncode == 1 and "UserWarning" in bare.stderr
    else:
        assert bare.returncode == 0 and bare.stderr.count("Warning: ") == 6
        assert len(bare.stdout.splitlines()) == 3
        (found,) = (tmp_path / ".diagnose").glob("*/rank0.sqlite")
        assert load(found.parent).trainings[0].steps == 6


def test_killed_in_the_middle_loses_at_most_a_second(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(COUNTS)
    program = subprocess.Popen(
        [sys.executable, *DIAGNOSE, "train.py"], cwd=tmp_path, stdout=subprocess.PIPE, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert program.stdout is not None
    steps: list[float] = []
    for line in program.stdout:
        steps.append(float(line))
        if steps[-1] - steps[0] > 3:
            break
    killed = time.time()
    program.send_signal(signal.SIGKILL)
    with program:
        steps += [float(line) for line in program.stdout.read().splitlines()]
    (found,) = (tmp_path / ".diagnose").glob("*/rank0.sqlite")
    recorded = load(found.parent)
    assert recorded.state == "killed"
    training = recorded.trainings[0]
    must = sum(done < killed - 1 for done in steps)
    assert must <= training.steps <= len(steps) + 1
    assert must > 20
    assert len(training.series("loss").measured()) >= must
    assert training.has("gradient_norm") and training.has("output_std")
