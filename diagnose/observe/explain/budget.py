"""How much an explanation may take: samples at once by their memory, and how much work by its time."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from diagnose.observe.explain.subject import Subject

MEMORY = 256 * 2**20  # bytes of activations at once, where the device does not tell what is free
SECONDS = 30.0  # of processor time for one network, shared out over its methods and checks
AT_MOST = 512  # samples at once: more gain nothing


class Budget:
    """Measured on one sample: bytes that its activations take, seconds of a forward and backward."""

    def __init__(self, subject: Subject, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.began = _now()
        self.bytes = _bytes_of_one(subject)
        self.batch = max(1, min(AT_MOST, int(_free(subject) // max(1, self.bytes))))
        self.cost = self._cost(subject)

    def _cost(self, subject: Subject) -> float:
        """Seconds a sample takes forward and backward, in a batch."""
        amount = min(self.batch, 32, len(subject))
        rows = torch.arange(amount)
        best = float("inf")
        for _ in range(2):
            began = _now()
            values = [given.values(rows).requires_grad_() for given in subject.inputs]
            with torch.enable_grad():
                total = subject.predict(rows, values).sum()
                if total.requires_grad:
                    torch.autograd.grad(total, values, allow_unused=True)
            best = min(best, _now() - began)
        return best / amount

    @property
    def left(self) -> float:
        """Seconds that are not used yet."""
        return max(0.0, self.seconds - (_now() - self.began))

    def samples(self, passes: int, share: float, most: int, least: int = 1) -> int:
        """How many samples can be passed through that many times within a share of what is left."""
        return int(max(least, min(most, share * self.left / max(self.cost * passes, 1e-9))))


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
