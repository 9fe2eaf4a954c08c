"""What recording adds to whole trainings of the reference network: 1 s once and 2 % of the time are granted.

    python tests/benchmarks/whole.py [--epochs 20,100] [--rounds N]

Each round trains the feedforward reference network (20 epochs of 45 batches is what its demo does) bare and observed, in turn,
in one process, from the first step to the closed run. In CPU seconds of the process: *bare*, *added* and *granted*, and what the
recorder itself says that it took (medians over the rounds).
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from statistics import median

import torch
from workloads import digits

from diagnose.observe.session import Session
from diagnose.record.writer import Writer

BATCHES = 45


def trained(epochs: int) -> float:
    """CPU seconds of a training without us."""
    torch.manual_seed(0)
    began = time.process_time()
    step = digits().step
    for _ in range(epochs * BATCHES):
        step()
    return time.process_time() - began


def observed(epochs: int) -> tuple[float, float]:
    """CPU seconds of the same training with us, and what the recorder says that it took."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.process_time()
        writer = Writer.create(Path(folder), "whole", [])
        session = Session(writer)
        session.start()
        trained(epochs)
        session.finish()
        writer.close("finished")
        spent = time.process_time() - began
        return spent, session.overhead()["seconds"]


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", default="20,100", help="with commas between")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    trained(2)
    observed(2)  # the first time reads files
    print("| epochs | bare, s | added, s | granted, s | own, s |\n|---|---|---|---|---|")
    for epochs in map(int, options.epochs.split(",")):
        bare, full, own = [], [], []
        for _ in range(options.rounds):
            bare.append(trained(epochs))
            spent, said = observed(epochs)
            full.append(spent)
            own.append(said)
        level = median(bare)
        print(f"| {epochs} | {level:.2f} | {median(full) - level:.2f} | {1 + 0.02 * level:.2f} | {median(own):.2f} |", flush=True)


if __name__ == "__main__":
    main()
