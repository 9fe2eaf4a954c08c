"""What recording costs: CPU time of observed steps against bare ones, in turn, in one process, on one thread.

    python tests/benchmarks/overhead.py [WORKLOAD …] [--rounds N] [--seconds S]

Two columns: the default (the budget of 2 %, after the second that is granted once), and a snapshot on every step. Each is a
ratio of the summed CPU time of blocks of steps, observed against bare, the blocks interleaved; "own" is what the
recorder itself says it costs.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from workloads import WORKLOADS

from diagnose.observe.session import Session
from diagnose.record.writer import Writer

ONCE = 0.1  # seconds granted before the measurement begins, in place of 1 s, to save time: the share stays 2 %


def measure(make: Callable[[], Callable[[], None]], every: int | None, rounds: int, seconds: float) -> tuple[float, float, float]:
    """Ratio observed / bare, the recorder's own figure as a ratio, and the bare step in milliseconds of CPU time."""
    torch.manual_seed(0)
    with tempfile.TemporaryDirectory() as folder:
        writer = Writer.create(Path(folder), "overhead", [])
        session = Session(writer, every=every)
        session.schedule.once = ONCE
        session.start()
        step = make()
        began = time.process_time()
        warm = 0
        while warm < 30 and (warm < 3 or time.process_time() - began < seconds):
            step()
            warm += 1
        while every is None and session.schedule.spent < ONCE and time.process_time() - began < 20 * seconds:
            step()
        block = max(2, int(seconds / max(1e-4, (time.process_time() - began) / max(1, session.tick))))
        bare = observed = own = 0.0
        for _ in range(rounds):
            session.seams.remove()
            session.unhook_all()
            before, clock = time.process_time(), time.perf_counter()
            for _ in range(block):
                step()
            bare += time.process_time() - before
            if session.schedule._began is not None:  # bare time earns no budget
                session.schedule._began += time.perf_counter() - clock
            session.seams.install()
            session.hook_again()
            spent, before = session.schedule.total, time.process_time()
            for _ in range(block):
                step()
            observed += time.process_time() - before
            own += session.schedule.total - spent
        session.finish()
        writer.close("finished")
    return observed / bare, 1 + own / bare, 1e3 * bare / (rounds * block)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", choices=[*WORKLOADS, []], metavar="WORKLOAD")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="CPU time of one block")
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {platform.processor() or platform.machine()}, one thread, {time.strftime('%Y-%m-%d')}")
    print("| workload | bare step, CPU ms | default | own figure | every step | own figure |")
    print("|---|---|---|---|---|---|")
    for name in options.workloads or WORKLOADS:
        default = measure(WORKLOADS[name], None, options.rounds, options.seconds)
        full = measure(WORKLOADS[name], 1, options.rounds, options.seconds)
        print(f"| {name} | {default[2]:.2f} | {default[0]:.3f} | {default[1]:.3f} | {full[0]:.2f} | {full[1]:.2f} |", flush=True)


if __name__ == "__main__":
    main()
