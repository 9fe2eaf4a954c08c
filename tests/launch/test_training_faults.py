"""Programs that train and get into trouble: they go on and end as under plain python, and what they recorded can be read."""

from __future__ import annotations

import importlib.util
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from diagnose.judge import judge
from diagnose.record.reader import load
from diagnose.record.runs import list_runs
from diagnose.run import Run

from .processes import Same, outcome, programs, written

GO_ON = programs("trainings.txt")
END = programs("training_endings.txt")
HEAD = """
import hashlib
import torch
from torch import nn
torch.manual_seed(0)
net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, 3))
optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
losses = []
def batches(steps):
    for _ in range(steps):
        yield torch.randn(8, 4), torch.randint(0, 3, (8,))
def train(steps, given=None):
    for x, y in given or batches(steps):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
def digest():
    bits = b"".join(p.detach().numpy().tobytes() for p in net.parameters())
    return len(losses), hashlib.sha256(bits).hexdigest()
"""
# An unhandled Ctrl-C is death by SIGINT, unless a string was executed after it, as `tabulate` does when torch imports it at exit.
INTERRUPTED = 1 if importlib.util.find_spec("tabulate") else -signal.SIGINT
TAIL = "\nif __name__ == '__main__':\n    print(digest(), flush=True)\n"
# Modules with a hook go a longer way through torch's own call: one more frame of torch's, which is not the program's.
TORCH_FRAMES = r'  File "[^"]*torch/nn/modules/module\.py", .*\n(?:    .*\n)*'
ONE_AFTER_THE_OTHER = """
import sys
for number in range(int(sys.argv[1])):
    with open(f"part{number}.py") as file:
        print(file.readline().strip(), flush=True)
        exec(compile(file.read(), f"part{number}.py", "exec"), {"__name__": "__main__"})
"""


def recorded(tmp_path: Path) -> Run:
    """What the run under us recorded: whole, readable, judged by every rule, and nothing of ours has failed."""
    (folder,) = list_runs(tmp_path / "done-2")
    run = load(folder)
    judge(run, strict=True)
    events = [*run.events, *(event for training in run.trainings for event in training.events)]
    assert not [event for event in events if event.kind == "probe-failed"]
    return run


def test_programs_that_go_on(same: Same, tmp_path: Path) -> None:
    files = {f"part{i}.py": f"# {title}\n{HEAD}{GO_ON[title]}{TAIL}" for i, title in enumerate(GO_ON)}
    seen = same({**files, "train.py": ONE_AFTER_THE_OTHER}, "train.py", str(len(files)), recorded=True)
    assert seen.status == 0, seen.stderr.decode()
    assert [line[2:] for line in seen.stdout.decode().splitlines() if line.startswith("# ")] == list(GO_ON)
    run = recorded(tmp_path)
    assert (run.state, run.exit_status) == ("finished", 0)
    assert len(run.trainings) >= len(GO_ON) and all(training.has("loss") for training in run.trainings)


@pytest.mark.parametrize(
    ("program", "status", "state", "steps", "exception"),
    [
        ("forks and leaves the rest to the child", 0, "killed", 0, None),  # os._exit: no code of ours runs
        ("raises in forward", 1, "failed", 10, "ValueError: expected 4 features"),
        ("interrupted twice", INTERRUPTED, "interrupted", 20, "KeyboardInterrupt"),
        ("stops itself from a callback", 9, "failed", 12, None),
        ("trains at exit", 0, "finished", 10, None),
    ],
)
def test_programs_that_end(
    same: Same, tmp_path: Path, program: str, status: int, state: str, steps: int, exception: str | None
) -> None:
    seen = same({"train.py": HEAD + END[program] + TAIL}, "train.py", recorded=True, without=TORCH_FRAMES)
    assert seen.status == status
    run = recorded(tmp_path)
    assert (run.state, run.exception) == (state, exception)
    trained = run.trainings[0].steps if run.trainings else 0
    assert trained >= steps if state == "killed" else trained == steps


def test_every_ending_is_held() -> None:
    (mark,) = [mark for mark in test_programs_that_end.pytestmark if mark.name == "parametrize"]
    assert {case[0] for case in mark.args[1]} == set(END)


DELETES = """
import shutil, time
train(10)
time.sleep(0.6)
shutil.rmtree(".diagnose", ignore_errors=True)
train(10)
"""


def told(tmp_path: Path, program: str, command: Mapping[str, list[str]]) -> list[tuple[int, bytes, bytes]]:
    left = []
    for name, words in command.items():
        written(tmp_path / name, {"train.py": HEAD + program + TAIL})
        seen = outcome([sys.executable, *words, "train.py"], tmp_path / name)
        left.append((seen.status, seen.stdout, seen.stderr))
    return left


def test_a_program_that_deletes_the_run_is_told_in_one_line(tmp_path: Path) -> None:
    bare, ours = told(tmp_path, DELETES, {"bare": [], "ours": ["-m", "diagnose", "run", "-q"]})
    assert ours[:2] == bare[:2] and bare[2] == b""
    assert ours[2].startswith(b"diagnose: recording stopped: ") and ours[2].count(b"\n") == 1
    assert not (tmp_path / "ours/.diagnose").exists()
