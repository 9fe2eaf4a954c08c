"""Numbers on their way from the device to the recorder, without waiting for the device."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from diagnose.observe.shards import local, spread

Receive = Callable[[NDArray[np.float32]], None]


def number(value: Tensor) -> float | Tensor:
    """A scalar as a float where that waits for nothing (CPU), else detached on its device; NaN where only other ranks know it."""
    held = local(value) if spread(value) else value
    if held is None:
        return math.nan
    value = held.detach()
    if value.dim():
        value = value.to(torch.float32).mean()
    if value.device.type != "cpu":
        return value
    if value.dtype in (torch.bfloat16, torch.float16):
        value = value.to(torch.float32)
    return float(value.numpy())


def pack(parts: Sequence[Tensor], numbers: int = 0) -> Tensor:
    """All parts, flattened, as one float32 vector on their device. A run of scalars costs one call, not one each.

    The first `numbers` of them are known to be scalars of float32.
    """
    found = [torch.stack(list(parts[:numbers]))] if numbers else []
    run: list[Tensor] = []
    for part in parts[numbers:]:
        dimensions = part.dim()
        if part.dtype != torch.float32:
            part = part.reshape(-1).to(torch.float32)
        elif dimensions == 0:
            run.append(part)
            continue
        elif dimensions > 1:
            part = part.reshape(-1)
        if run:
            found.append(torch.stack(run))
            run = []
        found.append(part)
    if run:
        found.append(torch.stack(run))
    return (found[0] if len(found) == 1 else torch.cat(found)).detach()


class Transfer:
    """Copies packed vectors to the host once each and hands them on when they have arrived.

    On the CPU the numbers are there at once. On a GPU each vector goes into pinned memory without blocking, with an
    event behind it that later steps poll: nothing ever waits for the device.
    """

    def __init__(self) -> None:
        self._flying: deque[tuple[Tensor, torch.cuda.Event, Receive]] = deque()

    def send(self, parts: Sequence[Tensor], receive: Receive, numbers: int = 0) -> None:
        """Sends the parts; `receive` gets them as one float32 array, in order, now or at a later `poll`. For `numbers` see `pack`."""
        if not parts:
            receive(np.empty(0, np.float32))
            return
        if len({part.device for part in parts}) > 1:
            parts = [part.to(parts[0].device, non_blocking=True) for part in parts]
        packed = pack(parts, numbers)
        if packed.device.type != "cuda":
            receive(packed.cpu().numpy())
            return
        if torch.cuda.is_current_stream_capturing():  # a copy would become part of the program's graph
            return
        landing = torch.empty(packed.shape, dtype=torch.float32, device="cpu", pin_memory=True)
        landing.copy_(packed, non_blocking=True)
        event = torch.cuda.Event()
        event.record()
        self._flying.append((landing, event, receive))

    def scalars(self, values: Sequence[float | Tensor], receive: Callable[[Sequence[float]], None]) -> None:
        """The same for single numbers, some of which are known already; none is put into a new tensor of the program's
        default type and device."""
        tensors = [value for value in values if isinstance(value, Tensor)]
        if not tensors:
            receive([float(value) for value in values])
            return
        known = [None if isinstance(value, Tensor) else float(value) for value in values]

        def merge(array: NDArray[np.float32]) -> None:
            came = iter(array)
            receive([float(next(came)) if value is None else value for value in known])

        self.send(tensors, merge)

    def poll(self) -> None:
        """Delivers what has arrived, in order."""
        while self._flying and self._flying[0][1].query():
            landing, _, receive = self._flying.popleft()
            receive(landing.numpy())

    def drain(self) -> None:
        """Waits for everything: only when the program has ended."""
        while self._flying:
            landing, event, receive = self._flying.popleft()
            event.synchronize()
            receive(landing.numpy())
