"""The row of every step: what is known of the step under way, and how it is written down."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from diagnose.observe.flops import Count, count
from diagnose.observe.memory import memory_of
from diagnose.observe.sources import as_source
from diagnose.observe.streams import Stream
from diagnose.observe.transfer import number

if TYPE_CHECKING:
    from diagnose.observe.session import Session
    from diagnose.record.writer import Writer

_COLUMNS = {
    "loss": "loss", "learning_rate": None, "samples": "samples", "backwards": None, "optimizer": None, "seconds": "s",
    "data_seconds": "s", "forward_seconds": "s", "backward_seconds": "s", "optimizer_seconds": "s", "evaluation_seconds": "s",
    "clip_norm": "gradient", "clip_limit": "gradient", "uncleared": "share", "loss_scale": None, "skipped": None,
    "memory_bytes": "byte", "graphs_kept": "graphs", "forward_flops": "FLOP", "backward_flops": "FLOP",
}  # fmt: skip
WAITS = 65536  # batches between two steps whose times are kept apart
ASKED = 0.25  # seconds between two looks at the memory where nothing else is looked at: one takes 0.1 ms


def declare(writer: Writer) -> None:
    """The quantities of every step."""
    for name, unit in _COLUMNS.items():
        writer.quantity(name, "step", unit)


class Row:
    """What is known of the step under way."""

    def __init__(self) -> None:
        self.scale: float | Tensor | None = None
        self.scale_tensor: Any = None
        self.scaled: tuple[Any, float | Tensor] | None = None  # weak reference to a scaled loss, the loss before scaling
        self.unscaled = False
        self.stepped = -1
        self.uncounted: dict[int, set[str]] = {}  # by stream: operations that were told of
        self.clips: dict[str, Any] | None = None
        self.clipping: dict[int, Any] = {}  # by stream: the line that was told of
        self.asked = 0.0  # the clock when memory was asked for last
        self.waits: deque[tuple[float, float]] = deque(maxlen=WAITS)  # of this step: when a loader was asked, and for how long
        self._end = time.perf_counter()
        self.restart()

    def restart(self) -> None:
        """The step has ended: the next one begins."""
        now = time.perf_counter()
        self.began, self._end = self._end, now
        self.losses: list[float | Tensor] = []
        self.line: tuple[str, int] | None = None
        self.backwards = 0
        self.batches = 0
        self.data_seconds = 0.0
        self.waits.clear()
        self.forward_seconds = 0.0
        self.backward_seconds = 0.0
        self.optimizer_seconds = 0.0
        self.evaluation_seconds = 0.0
        self.evaluated = False
        self.looked = False  # whether gradients were looked at before the step's first backward
        self.clip_norm: float | Tensor = math.nan
        self.clip_limit = math.nan
        self.samples = 0
        self.given = 0  # samples that a network was given first
        self.skipped = False
        self.flops: Count | None = None
        self._mark = now
        self._wanted = now
        self._backward = now
        self._step = now

    def batch_wanted(self, now: float | None = None) -> None:
        """A loader was asked."""
        self._wanted = time.perf_counter() if now is None else now

    def batch_came(self) -> None:
        """A loader answered."""
        now = time.perf_counter()
        self.batches += 1
        self.data_seconds += now - self._wanted
        self.waits.append((self._wanted, now - self._wanted))
        self._mark = now

    def evaluated_for(self, began: float, seconds: float) -> None:
        """An evaluation took so long: what it waited for its batches is none of the training's."""
        self.evaluated = True
        self.evaluation_seconds += seconds
        for _ in range(len(self.waits)):
            wait = self.waits.popleft()
            if began <= wait[0] <= began + seconds:
                self.data_seconds -= wait[1]
            else:
                self.waits.append(wait)

    def unscaled_number(self, root: Tensor) -> float | Tensor:
        """The value of a backward's root, without what a gradient scaler has made of it."""
        if self.scaled is not None and self.scaled[0]() is root:
            return self.scaled[1]
        return number(root)

    def add_loss(self, values: Sequence[float | Tensor], line: tuple[str, int] | None) -> None:
        """The values of a backward's roots."""
        self.losses.extend(values)
        self.line = line

    def add_flops(self, nodes: Iterable[Any]) -> None:
        """The arithmetic of a backward's graph."""
        self.flops = self.flops or Count()
        self.flops.add(count(nodes))

    def backward_begins(self, now: float, ours: float) -> None:
        """Autograd starts."""
        self.forward_seconds += max(0.0, ours - self._mark)
        self._backward = now

    def backward_ends(self, now: float) -> None:
        """Autograd has ended."""
        self.backwards += 1
        self.backward_seconds += now - self._backward
        self._mark = now

    def step_begins(self, now: float) -> None:
        """The optimizer starts."""
        self._step = now

    def step_ends(self, now: float) -> None:
        """The optimizer has ended."""
        self.optimizer_seconds += now - self._step

    @property
    def ended(self) -> float:
        """The clock when the step before ended."""
        return self._end

    @property
    def seconds(self) -> float:
        """Since the last step's end."""
        return time.perf_counter() - self._end

    def clipped(self, norm: float | Tensor, limit: float, *, by_value: bool, line: tuple[str, int] | None) -> None:
        """Gradients were clipped: of several calls in a step, the one with the largest norm counts."""
        norm, before = math.nan if by_value else norm, self.clip_norm
        if isinstance(norm, Tensor) and isinstance(before, Tensor) and norm.device == before.device:
            norm = torch.maximum(norm, before)
        elif isinstance(norm, float) and isinstance(before, float) and norm < before:
            norm, limit = before, self.clip_limit
        self.clip_norm, self.clip_limit = norm, limit
        self.clips = {"limit": limit, "by_value": by_value, "source": as_source(line)}


def write_row(session: Session, stream: Stream) -> None:
    """The row of a step that has ended."""
    row = session.row
    columns: dict[str, float | None] = {
        "time": time.perf_counter() - session.born,
        "learning_rate": _rate(stream),
        "backwards": float(row.backwards),
        "optimizer": float(stream.index),
        "seconds": row.seconds,
        "data_seconds": row.data_seconds,
        "forward_seconds": max(0.0, row.forward_seconds - row.evaluation_seconds),
        "backward_seconds": row.backward_seconds,
        "optimizer_seconds": row.optimizer_seconds,
        "evaluation_seconds": row.evaluation_seconds,
        "samples": float(row.samples) if row.samples else None,
        "epoch": session.book.epoch(stream),
    }
    if row.clips is not None and not math.isnan(row.clip_limit):
        columns["clip_limit"] = row.clip_limit
        if row.clipping.get(stream.index, "") != row.clips["source"]:  # the limit may be another at each step
            row.clipping[stream.index] = row.clips["source"]
            session.writer.stream(stream.index, clip=row.clips)
    if row.scale is not None:
        columns["skipped"] = float(row.skipped)
    taken = session.schedule.snapshots
    if (session.snapping and (taken < 64 or taken % 8 == 0)) or stream.steps % 64 == 0:  # to ask takes 0.1 ms
        row.asked, columns["memory_bytes"] = row.began, memory_of(stream)
    if row.evaluated or stream.steps % 32 == 31:
        columns["graphs_kept"] = float(session.losses.graphs_kept())
    tick, index = session.tick, stream.index
    if row.flops is not None and (row.flops.forward or row.flops.unknown):
        columns |= {"forward_flops": float(row.flops.forward), "backward_flops": float(row.flops.backward)}
        told = row.uncounted.setdefault(index, set())
        if not told.issuperset(row.flops.unknown):
            told.update(row.flops.unknown)
            session.writer.stream(index, uncounted_operations=sorted(told))
    uncleared: float | Tensor = math.nan
    if stream.steps and stream.seen and row.looked:
        uncleared = 0.0 if stream.cleared else stream.leftover
    scale = math.nan if row.scale is None else row.scale

    def write(numbers: Sequence[float]) -> None:
        *losses, left, scaled = numbers
        if not math.isnan(left):
            columns["uncleared"] = float(left != 0)
        if not math.isnan(scaled):
            columns["loss_scale"] = scaled
        session.writer.step(tick, index, **columns, **_losses(losses))

    session.transfer.scalars([*row.losses, row.clip_norm, uncleared, scale], write)


def write_lean_row(session: Session, stream: Stream) -> None:
    """The row of a step of which only loss, rate and time are kept."""
    row = session.row
    tick, index, rate, memory = session.tick, stream.index, _rate(stream), None
    if row.began - row.asked > ASKED:
        row.asked, memory = row.began, memory_of(stream)
    times = (time.perf_counter() - session.born, row.seconds, row.data_seconds, row.forward_seconds, row.backward_seconds)
    epoch = session.book.epoch(stream)

    def write(numbers: Any) -> None:
        session.writer.step(
            tick, index, time=times[0], seconds=times[1], data_seconds=times[2], forward_seconds=times[3],
            backward_seconds=times[4], optimizer_seconds=row.optimizer_seconds, learning_rate=rate, optimizer=float(index),
            backwards=float(row.backwards), epoch=epoch, memory_bytes=memory, **_losses(numbers),
        )  # fmt: skip

    numbers = [*row.losses, row.clip_norm]
    if any(isinstance(n, Tensor) for n in numbers):
        session.transfer.scalars(numbers, write)
    else:
        write(numbers)


def _losses(values: Any) -> dict[str, float | None]:
    losses, clip = values[:-1], float(values[-1])
    found: dict[str, float | None] = {}
    if len(losses):
        found["loss"] = float(sum(float(v) for v in losses) / len(losses))
    if not math.isnan(clip):
        found["clip_norm"] = clip
    return found


def _rate(stream: Stream) -> float | None:
    optimizer = None if stream.optimizer is None else stream.optimizer()
    if optimizer is None or not optimizer.param_groups:
        return None
    rate = optimizer.param_groups[0].get("lr")
    if isinstance(rate, Tensor):
        return float(rate.numpy()) if rate.device.type == "cpu" else None
    return float(rate) if isinstance(rate, (int, float)) else None
