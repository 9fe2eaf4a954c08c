"""How much memory the training holds."""

from __future__ import annotations

import os

import torch

from diagnose.observe.streams import Stream

_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


def resident() -> float | None:
    """Resident memory of this process in bytes, where the system tells."""
    try:
        file = os.open("/proc/self/statm", os.O_RDONLY)  # half the time of a file object
        try:
            return float(int(os.read(file, 256).split()[1]) * _PAGE)
        finally:
            os.close(file)
    except (OSError, ValueError, IndexError):
        return None


def memory_of(stream: Stream) -> float | None:
    """Bytes allocated on the device of a stream's parameters; the process's memory on the CPU."""
    parameters = stream.parameters()
    if parameters and parameters[0].device.type == "cuda":
        return float(torch.cuda.memory_allocated(parameters[0].device))
    return resident()
