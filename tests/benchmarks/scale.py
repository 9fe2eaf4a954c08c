"""Whether the cost of recording grows with the length of a run: time, memory and disk of long runs through the real recorder.

    python tests/benchmarks/scale.py [--steps N] [--layers N] [--seconds-a-step S]

Snapshots are steps of a real network. On every other step the loss, the backward and the optimizer are those of the step before:
torch does nothing, the recorder all that it does, and the schedule is told that the step took `seconds-a-step`. So a million
steps take a minute or two.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn
from torch.optim import optimizer as torchs

from diagnose.judge import judge
from diagnose.observe.session import Session
from diagnose.record.reader import load
from diagnose.record.writer import Writer

PARTS = 10
COUNTED = 97  # one step in so many is counted: prime, so that no rhythm of the recorder's is met always or never


@dataclass(frozen=True)
class Length:
    """What a run of so many steps took."""

    steps: int
    snapshots: int
    microseconds: list[float]  # CPU time a step of ours in each tenth of the run
    calls: list[tuple[bool, int]]  # of some steps that are no snapshots: whether much of them was left out, calls of functions
    growth: float  # bytes of memory from the first tenth on
    disk: int  # bytes
    judged: float  # seconds of CPU time to load and judge it

    def __str__(self) -> str:
        cost = " ".join(f"{value:.0f}" for value in self.microseconds)
        return (
            f"{self.steps} steps, {self.snapshots} snapshots: µs a step in each tenth {cost}; memory +{self.growth / 2**20:.1f} MB; "
            f"{self.disk / 2**20:.1f} MB on disk; loaded and judged in {self.judged:.2f} s"
        )


def calls_of(act: Callable[[], None]) -> int:
    """How many functions it calls, in Python and in C: what it does, on whatever machine, however busy."""
    count = 0

    def seen(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(seen)
    try:
        act()
    finally:
        sys.setprofile(None)
    return count


def resident() -> float:
    """Memory of this process in bytes."""
    return float(int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE"))


def drive(folder: Path, steps: int, layers: int, seconds: float = 0.01) -> Length:
    """A run of so many steps of a network with so many layers, each step said to take so many seconds."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    writer = Writer.create(folder, "scale", [])
    session = Session(writer)
    session.start()
    parts = [part for _ in range(layers // 2) for part in (nn.Linear(16, 16), nn.Tanh())]
    net = nn.Sequential(*parts)
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    x, y = torch.randn(8, 16), torch.randn(8, 16)
    value = torch.tensor(0.5)

    def real() -> None:
        optimizer.zero_grad()
        F.mse_loss(net(x), y).backward()
        optimizer.step()

    def repeated() -> None:
        """What the recorder is told by a step that it need not read tensors of."""
        if not session.seams.resting:
            session.backward_begins(value)
            session.backward_ends()
        for hooks in (torchs._global_optimizer_pre_hooks, torchs._global_optimizer_post_hooks):
            for hook in list(hooks.values()):
                hook(optimizer, (), {})

    calls: list[tuple[bool, int]] = []
    def act(step: Callable[[], None]) -> None:
        if session.tick % COUNTED or session.snapping:
            step()
        else:
            lean = session.lean
            calls.append((lean, calls_of(step)))

    cost, first, marks = [], 0.0, [round(steps * (k + 1) / PARTS) for k in range(PARTS)]
    began, done = time.process_time(), 0
    torchs_own = 0.0
    while session.tick < steps:
        if session.lean or session.tick % 1000 == 999:  # a loss of the program's own is waited for otherwise
            act(repeated)
        else:
            clock = time.process_time()
            spent = session.schedule.spent
            act(real)
            torchs_own += max(0.0, time.process_time() - clock - (session.schedule.spent - spent))
        if session.schedule._began is not None:
            session.schedule._began -= seconds
        if session.tick >= marks[len(cost)]:
            now = time.process_time()
            cost.append(1e6 * (now - began - torchs_own) / max(1, session.tick - done))
            began, done, torchs_own = now, session.tick, 0.0
            if len(cost) == 1:
                writer.flush(60)
                first = resident()
            if len(cost) == PARTS:
                break
    writer.flush(60)
    growth = resident() - first
    snapshots = session.schedule.snapshots
    session.finish()
    writer.close("finished", timeout=60)
    disk = sum(file.stat().st_size for file in writer.path.iterdir())
    clock = time.process_time()
    judge(load(writer.path))
    return Length(session.tick, snapshots, cost, calls, growth, disk, time.process_time() - clock)


def main() -> None:
    """Prints one line for a tenth of the steps and one for all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--layers", type=int, default=20)
    parser.add_argument("--seconds-a-step", type=float, default=0.01)
    options = parser.parse_args()
    for steps in (options.steps // 10, options.steps):
        with tempfile.TemporaryDirectory() as folder:
            print(drive(Path(folder), steps, options.layers, options.seconds_a_step), flush=True)


if __name__ == "__main__":
    main()
