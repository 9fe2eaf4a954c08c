"""What recording costs: CPU time of observed steps against bare ones, in turn, in one process, on one thread.

    python tests/benchmarks/overhead.py [WORKLOAD …] [--rounds N] [--seconds S] [--others]

Blocks of bare and of observed steps take turns; a figure is the median over the rounds of observed CPU time through bare CPU
time of the same round (all threads of the process, so that the one that writes counts). *default*: the budget of 2 %, measured
once the second that is granted first is used up, or after 30 s of training (what is left of it is then taken away). *every
step*: a snapshot on every step (of which, as in any run, some parts that change slowly are read less often: the inputs on each
16th, the gradient through time on each 8th, histograms and the spread of a weight's rows on each 4th). *own*: what the
recorder itself says that it costs. With `--others`: what `wandb.watch(log="all", log_freq=1)`, a loop of TensorBoard
histograms, torchlens' tracker and Cockpit's economy set cost on the same steps, as far as they are installed (extra `benchmark`).
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import NamedTuple

import torch
from others import OTHERS, Attach, version
from workloads import WORKLOADS, Step, Workload

from diagnose.observe.session import Session
from diagnose.record.writer import Writer

Make = Callable[[], Workload]
WARM = 30.0  # seconds of CPU time at most, until the second that is granted once is used up


class Cost(NamedTuple):
    """Of one way of recording: observed / bare, what the recorder says, the bare step in milliseconds of CPU time."""

    ratio: float
    own: float
    bare: float


def block(step: Step, count: int) -> tuple[float, float]:
    """CPU and wall seconds of so many steps, after one that warms up what has just been attached."""
    step()
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        step()
    return time.process_time() - cpu, time.perf_counter() - wall


def steps_in(step: Step, seconds: float) -> int:
    """How many steps take so many seconds of CPU time, at least two."""
    step()
    cpu, _ = block(step, 2)
    return max(2, min(2000, int(2 * seconds / max(cpu, 1e-6))))


def observed(make: Make, every: int | None, rounds: int, seconds: float) -> Cost:
    """What our own recording costs."""
    torch.manual_seed(0)
    count = steps_in(make().step, seconds)
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer.create(Path(folder), "overhead", [])
        session = Session(writer, every=every)
        schedule = session.schedule
        session.start()
        step = make().step
        began = time.process_time()
        while every is None and time.process_time() - began < WARM and not (schedule.over() and schedule.snapshots > 4):
            step()
        schedule.once = schedule.total - schedule.share * schedule.elapsed / schedule.slowdown  # 2 % from here on
        ratios, bares, own, whole = [], [], 0.0, 0.0
        for _ in range(rounds):
            session.rest.wake()
            session.seams.remove()
            session.unhook_all()
            clock = time.perf_counter()
            bare, _ = block(step, count)
            if schedule._began is not None:  # bare time earns no budget
                schedule._began += time.perf_counter() - clock
            session.seams.install()
            session.hook_again()
            spent = schedule.total
            full, _ = block(step, count)
            own, whole = own + schedule.total - spent, whole + full
            ratios.append(full / bare)
            bares.append(bare / count)
        session.finish()
        writer.close("finished")
    return Cost(median(ratios), whole / max(whole - own, 0.01 * whole), 1e3 * median(bares))


def compared(attach: Attach, make: Make, rounds: int, seconds: float) -> float:
    """What another tool costs."""
    torch.manual_seed(0)
    work = make()
    count = steps_in(work.step, seconds)
    ratios = []
    for _ in range(rounds):
        bare, _ = block(work.step, count)
        step, detach = attach(work)
        full, _ = block(step, count)
        detach()
        ratios.append(full / bare)
    return median(ratios)


def shown(attach: Attach, make: Make, rounds: int, seconds: float) -> str:
    """The same as text; a tool that fails is said to."""
    try:
        return f"{compared(attach, make, rounds, seconds):.2f}"
    except Exception as error:  # noqa: BLE001 somebody else's tool on somebody's network
        print(f"{type(error).__name__}: {error}"[:200], file=sys.stderr)
        return "fails"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []], metavar="WORKLOAD")
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--seconds", type=float, default=0.5, help="CPU time of one block")
    parser.add_argument("--others", action="store_true", help="measure the other tools too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    others = OTHERS if options.others else {}
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    tools = ", ".join(["", *(version(name) for name in others)])
    print(f"{time.strftime('%Y-%m-%d')}, {_processor()}, {os.cpu_count()} CPUs, load {load}, Python {platform.python_version()}, "
          f"torch {torch.__version__}, one thread{tools}\n")  # fmt: skip
    print("| | bare step, ms | default | own | every step | own |" + "".join(f" {name} |" for name in others))
    print("|---|---|---|---|---|---|" + "---|" * len(others))
    defaults = []
    for name in options.workloads or WORKLOADS:
        make = WORKLOADS[name]
        default = observed(make, None, options.rounds, options.seconds)
        full = observed(make, 1, options.rounds, options.seconds / 4)
        rest = "".join(f" {shown(attach, make, 3, options.seconds / 4)} |" for attach in others.values())
        print(f"| {name} | {default.bare:.2f} | {default.ratio:.3f} | {default.own:.3f} | {full.ratio:.2f} | {full.own:.2f} |{rest}",
              flush=True)  # fmt: skip
        defaults.append(default.ratio)
    print(f"\nmedian of default: {median(defaults):.3f}")


def _processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
