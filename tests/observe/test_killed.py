"""Killed at any moment of its life a training loses at most its last second, and what it leaves can be read.

A process that has imported everything forks a training for each moment: starting python for each would take minutes.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from diagnose.errors import RunError
from diagnose.judge import judge
from diagnose.record.reader import load
from diagnose.record.runs import list_runs

EARLY, STEPPING, ENDING = 12, 20, 8  # moments: from the fork on, during the steps, from the last step on
NOTHING_YET = "empty|without a table"  # killed before the first commit
PROGRAM = """
import os, sys, time
from pathlib import Path
import torch
from torch import nn
from diagnose.observe.session import Session
from diagnose.record.writer import Writer

torch.set_num_threads(1)

def train(folder, done):
    writer = Writer.create(folder, "train.py", [])
    session = Session(writer, every=1)
    session.start()
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    x, y = torch.randn(16, 8), torch.randint(0, 3, (16,))
    began = time.time()
    while time.time() - began < 1.0:
        optimizer.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        optimizer.step()
        os.write(done, f"{time.time()}\\n".encode())
        time.sleep(0.006)
    open(folder / "ending", "w").close()
    session.finish()
    writer.close("finished", 0)
    os._exit(0)

for line in sys.stdin:  # a folder for each training
    done = os.open(line.strip() + "/steps", os.O_WRONLY | os.O_CREAT)
    pid = os.fork()
    if pid == 0:
        train(Path(line.strip()), done)
    os.close(done)
    print(pid, flush=True)
    sys.stdin.readline()  # until it is waited for, its number is its own, even where it has ended by itself
    print(os.waitpid(pid, 0)[1], flush=True)
"""


def moments() -> list[tuple[bool, float]]:
    """Whether from the last step on, and how many seconds after: one somewhere in each part of each phase of a life."""

    def within(count: int, begin: float, end: float) -> list[float]:
        return [begin + generator.uniform(i, i + 1) * (end - begin) / count for i in range(count)]

    generator = random.Random(0)
    running = [*within(EARLY, 0.0, 0.1), *within(STEPPING, 0.1, 1.0)]
    return [(False, moment) for moment in running] + [(True, moment) for moment in (*within(ENDING - 1, 0.0, 0.1), 1.0)]


def test_killed_at_any_moment(tmp_path: Path, record_property: pytest.RecordProperty) -> None:
    source = [sys.executable, "-c", textwrap.dedent(PROGRAM)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    forker = subprocess.Popen(source, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
    assert forker.stdin and forker.stdout
    lost, seconds, ends = [], [], []
    try:
        for number, (ending, moment) in enumerate(moments()):
            folder = tmp_path / str(number)
            folder.mkdir()
            forker.stdin.write(f"{folder}\n")
            forker.stdin.flush()
            pid = int(forker.stdout.readline())
            while ending and not (folder / "ending").exists():
                time.sleep(0.001)
            time.sleep(moment)
            killed = time.time()
            os.kill(pid, signal.SIGKILL)
            forker.stdin.write("killed\n")
            forker.stdin.flush()
            forker.stdout.readline()
            steps = [float(line) for line in (folder / "steps").read_text().splitlines()]
            left = looked_at(folder, steps, killed)
            ends.append(left[0])
            lost.append(left[1])
            seconds.append(left[2])
    finally:
        forker.stdin.close()
        forker.wait(30)
        forker.stdout.close()
    told = {
        "moments": len(lost), "ends": {end: ends.count(end) for end in sorted(set(ends))}, "most steps lost": max(lost),
        "steps lost on average": round(sum(lost) / len(lost), 1), "most seconds lost": round(max(seconds), 3),
    }  # fmt: skip
    record_property("killed", json.dumps(told))
    print(told)
    assert len(lost) == EARLY + STEPPING + ENDING and max(seconds) < 1.0
    assert ends.count("killed") >= STEPPING // 2 and "finished" in ends, "moments of every part of a life"


def looked_at(folder: Path, steps: list[float], killed: float) -> tuple[str, int, float]:
    """How a run is read that was killed: its state, the steps that it lacks, and the seconds since the first of these."""
    found = list_runs(folder)
    try:
        run = load(found[0]) if found else None
    except RunError as error:
        assert re.search(NOTHING_YET, str(error))
        run = None
    if run is None:
        return "nothing yet", len(steps), killed - steps[0] if steps else 0.0
    assert run.state in ("killed", "finished") and run.program == "train.py"
    judge(run, strict=True)
    recorded = 0
    if run.trainings:
        training = run.trainings[0]
        loss = training.series("loss")
        recorded = len(loss)
        assert loss.steps.tolist() == list(range(recorded)), "no hole: whatever is lost is at the end"
    missing = steps[recorded:]
    return run.state, len(missing), killed - missing[0] if missing else 0.0
