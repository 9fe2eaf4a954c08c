"""How much an explanation may take: samples at once by their memory, and how much work by its time."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from diagnose.observe.explain.subject import Subject

MEMORY = 256 * 2**20  # bytes of activations at once, where the device does not tell what is free
SECONDS = 30.0  # of processor time for one network, shared out over its methods, checks and exchanges
AT_MOST = 512  # samples at once: more gain nothing
ENOUGH, LONG = 0.05, 0.5  # seconds of a pass: what takes longer is measured well enough, at once


class Budget:
    """Measured on a few samples: bytes that the activations of one take, seconds of its passes."""

    def __init__(self, subject: Subject, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.began = _now()
        self.bytes = _bytes_of_one(subject)
        self.batch = max(1, min(AT_MOST, int(_free(subject) // max(1, self.bytes))))
        self.forward, self.cost = self._passes(subject)

    def _passes(self, subject: Subject) -> tuple[float, float]:
        """Seconds that a sample of a batch takes forward, and forward and backward. The batch grows until it takes long enough;
        then it is passed once more, for what is done for the first time takes longer."""
        most, amount = min(self.batch, 32, len(subject)), 1
        while True:
            forward, both = _pass(subject, amount)
            if amount >= most or forward + both > ENOUGH:
                again = _pass(subject, amount) if forward + both < LONG else (forward, both)
                return min(forward, again[0]) / amount, min(both, again[1]) / amount
            amount = min(most, 4 * amount)

    @property
    def left(self) -> float:
        """Seconds that are not used yet."""
        return max(0.0, self.seconds - self.used)

    @property
    def used(self) -> float:
        """Seconds since it began."""
        return _now() - self.began


def _pass(subject: Subject, amount: int) -> tuple[float, float]:
    """Seconds forward, and forward and backward, of that many samples."""
    rows = torch.arange(amount)
    began = _now()
    with torch.no_grad():
        subject.predict(rows)
    between = _now()
    values = [given.values(rows).requires_grad_() for given in subject.inputs]
    with torch.enable_grad():
        total = subject.predict(rows, values).sum()
        if total.requires_grad:
            torch.autograd.grad(total, values, allow_unused=True)
    return between - began, _now() - between


def _now() -> float:
    """Processor time: what is measured must not hang on how busy the machine is."""
    return time.perf_counter() if torch.cuda.is_initialized() else time.process_time()


def _bytes_of_one(subject: Subject) -> int:
    """Twice the outputs of all modules (kept for the backward), and the input itself."""
    total = 0

    def count(module: Any, args: Any, output: Any) -> None:
        nonlocal total
        if isinstance(output, Tensor):
            total += output.numel() * output.element_size()

    handles = [module.register_forward_hook(count) for module in subject.model.modules()]
    try:
        with torch.no_grad():
            subject.predict(torch.arange(1))
    finally:
        for handle in handles:
            handle.remove()
    own = sum(slot[0].numel() * slot.element_size() for slot in subject.slots)
    return 2 * total + 2 * own


def _free(subject: Subject) -> float:
    device = subject.slots[0].device
    if device.type == "cuda":
        return 0.25 * torch.cuda.mem_get_info(device)[0]
    return float(MEMORY)
