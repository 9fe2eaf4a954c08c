"""One attachment to the trainings of this process: its parts, its beginning and its end."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from diagnose.observe import row, snapshot_rows
from diagnose.observe.backward import Backward
from diagnose.observe.book import Book
from diagnose.observe.by_hand import ByHand
from diagnose.observe.calls import Calls
from diagnose.observe.data import Data
from diagnose.observe.hooks import Hook, hide_from_copies, stop_hiding
from diagnose.observe.losses import Losses
from diagnose.observe.networks import Modules, Networks
from diagnose.observe.nonfinite import NonFinite
from diagnose.observe.probes import all_probes
from diagnose.observe.rest import Rest
from diagnose.observe.safety import Safety
from diagnose.observe.scaling import Scaling
from diagnose.observe.schedule import Schedule
from diagnose.observe.seams import Seams
from diagnose.observe.shadow import Shadow
from diagnose.observe.snapshot import Snapshot
from diagnose.observe.steps import Steps
from diagnose.observe.streams import Stream
from diagnose.observe.threads import Threads
from diagnose.observe.transfer import Transfer, number
from diagnose.record.writer import Writer

if TYPE_CHECKING:
    from diagnose.observe.explain.kept import Keeper


class Session:
    """What is observed, from `start` to `finish`: the seams call its parts, each of which listens to one kind of event.

    The parts know each other through the session alone. In the order in which a step happens: `data` (a loader gives a
    batch), `calls` (a network runs), `losses`, `backward`, `scaling` (clipping, mixed precision), `steps`.
    """

    def __init__(
        self, writer: Writer, *, every: int | None = None, strict: bool = False, only: Sequence[Any] | None = None, ranks: int = 1
    ) -> None:
        self.writer = writer
        self.schedule = Schedule(every, ranks=ranks)
        self.only = None if only is None else weakref.WeakSet(only)
        self.cell: tuple[str, int] | None = None  # the line that called watch()
        self.on_step: Callable[[int], None] | None = None  # the live judge
        self.keeper: Keeper | None = None  # of samples to explain the networks on, where that was asked for
        self.born = time.perf_counter()
        self.tick = 0
        self.in_backward = False
        self.snapping = False  # the step under way is a snapshot
        self.lean = False  # between snapshots, once the budget is used: loss, rate and time of a step, nothing else
        self.row = row.Row()
        self.streams: dict[int, Stream] = {}
        self.networks = Networks()
        self.modules = Modules()
        self.transfer = Transfer()
        self.book = Book(self)
        self._streams_made = 0
        self._finished = False
        self._paused = 0

        self.threads = Threads(self)
        self.safety = Safety(self, strict=strict)
        self.guard, self.failed, self.read, self.blind = self.safety.guard, self.safety.failed, self.safety.read, self.safety.blind
        self.nonfinite = NonFinite(self)
        self.snapshot = Snapshot(self)
        self.shadow = Shadow(self)
        self.by_hand = ByHand(self)

        # What the seams call: see `diagnose.observe.interceptions`.
        self.data = Data(self)
        self.batch_wanted, self.batch_came = self.data.batch_wanted, self.data.batch_came
        self.calls = Calls(self)
        self.hook_again, self.unhook_all, self.drops = self.calls.hook_again, self.calls.unhook_all, self.calls.drops
        self.losses = Losses(self)
        self.loss_called, self.passes_by = self.losses.loss_called, self.losses.passes_by
        self.backward = Backward(self)
        self.backward_begins, self.backward_ends = self.backward.begins, self.backward.ends
        self.grad_begins, self.grad_ends = self.by_hand.grad_begins, self.by_hand.grad_ends
        scaling = Scaling(self)
        self.clipped, self.scaled = scaling.clipped, scaling.scaled
        self.scaler_called, self.scaler_stepped = scaling.scaler_called, scaling.scaler_stepped
        self.rest = Rest(self)
        self.steps = Steps(self)
        self.step_begins, self.step_ends = self.steps.begins, self.steps.ends
        self.seams = Seams(self)

    # -- beginning and end ---------------------------------------------------------------------------------------

    def start(self) -> None:
        """Puts hooks and seams in place."""
        for other in list(_alive):  # whose functions are not all in place while it rests
            other.rest.wake()
        _alive.add(self)
        self.schedule.aside = lambda: self.writer.seconds
        for probe in all_probes().values():
            for name, quantity in probe.quantities.items():
                self.writer.quantity(name, quantity.over, quantity.unit)
        row.declare(self.writer)
        snapshot_rows.declare(self.writer)
        hide_from_copies()
        self.seams.called_between_graphs(Hook.__call__)
        self.seams.install()

    def detach(self) -> None:
        """Takes every hook and replaced function away."""
        if not self.seams.installed:
            return
        self.seams.remove()
        self.unhook_all()
        stop_hiding()

    def finish(self) -> None:
        """Settles what is still open; the writer is closed by whoever opened it."""
        if self._finished:
            return
        self._finished = True
        with self.guard("finish"):
            self.detach()
            self.by_hand.close(last=True)
            self.steps.settle(None, everything=True)
            self.snapshot.drop()
            self.transfer.drain()
            for stream in self.streams.values():
                self._write_end(stream)
            self.writer.fact("overhead", self.overhead())
            if (told := self.rest.left_out.told()) is not None:
                self.blind("later trainings", told)
            if not self.backward.seen:
                code, message = self.why_nothing()
                self.writer.fact("nothing_observed", {"code": code, "message": message})

    @property
    def nothing_observed(self) -> bool:
        """Whether no step of any training was seen."""
        return self.tick == 0 and not self.backward.seen

    def why_nothing(self) -> tuple[str, str]:
        """Why nothing was seen, as code and sentence."""
        if self.streams:
            said = "an optimizer was built but no backward ran in this process; training in child processes is not seen"
            return "no-backward", f"{said}: use diagnose.watch() inside them"
        said = "torch was imported but no optimizer step was seen in this process; if training runs in child processes"
        return "no-training", f"{said}, use diagnose.watch() inside them"

    def overhead(self) -> dict[str, Any]:
        """Our own time: within the one-time second, and what was spent beyond it as a share of the training time."""
        elapsed = max(self.schedule.elapsed, 1e-9)
        spent = self.schedule.total
        return {
            "fraction": max(0.0, spent - self.schedule.once) * self.schedule.slowdown / elapsed,
            "once_seconds": min(spent, self.schedule.once),
            "seconds": spent,
            "training_seconds": elapsed,
            "snapshots": self.schedule.snapshots,
        }

    def off(self) -> bool:
        """Whether nothing is recorded now: after the end or a failure, in a forked child, paused, inside a probe."""
        return self.safety.broken or self.safety.reading or self._paused > 0 or self._finished

    def asleep(self) -> bool:
        """Whether what this thread does is not recorded."""
        safety, followed = self.safety, self.threads.followed  # asked by each hook: `off` and `elsewhere`, without their calls
        return (
            safety.broken or safety.reading or self._paused > 0 or self._finished
            or (followed is not None and followed != get_ident())
        )  # fmt: skip

    def begin_anew(self) -> None:
        """The step under way is given up, and another thread followed."""
        with self.guard("threads"):
            self.in_backward = False
            self.losses.give_up()
            self.steps.give_up()
            self.snapshot.drop()
            self.snapshot.forget_graph()
            self.snapshot.forget_readings()
            self.row.restart()
            self.hook_again()

    def listening(self) -> bool:
        """Whether hooks may be on the program's modules."""
        return not (self._paused or self._finished or self.safety.broken)

    def compiling(self) -> None:
        """Something is about to be compiled: no hook of ours may be traced, and what runs inside is not seen."""
        if self.asleep():
            return
        with self.guard("compiling"):
            self.unhook_all()
            self.blind("compiled", "compiled code: its parameters are seen, its layers and the losses inside are not")

    # -- modules and optimizers ------------------------------------------------------------------------------------

    def module_built(self, module: nn.Module, name: str, part: Any) -> None:
        """A parameter or child was registered in a module."""
        self._module_met(self.modules.registered, module)

    def module_restored(self, module: nn.Module) -> None:
        """A module was copied, or loaded whole."""
        self._module_met(self.modules.restored, module)

    def _module_met(self, tell: Callable[[nn.Module], None], module: nn.Module) -> None:
        if not self.safety.is_off("modules"):
            try:
                tell(module)
            except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
                self.failed("modules", error)

    def optimizer_built(self, optimizer: Optimizer) -> None:
        """A new optimizer: its networks get their hooks before their first forward."""
        if self.asleep() or (self.only is not None and not self._wanted(optimizer)):
            return
        with self.guard("optimizer"):
            if self.rest.passes_by(optimizer):
                return
            self.by_hand.give_way()
            self.take_optimizer(optimizer)

    def _wanted(self, optimizer: Optimizer) -> bool:
        assert self.only is not None
        if any(optimizer is thing for thing in self.only):
            return True
        mine = {id(p) for thing in self.only if isinstance(thing, nn.Module) for p in thing.parameters()}
        return any(id(p) in mine for group in optimizer.param_groups for p in group["params"])

    def take_optimizer(self, optimizer: Optimizer) -> Stream:
        """Makes a stream of an optimizer."""
        known = self.stream_of(optimizer)
        if known is not None:
            return known
        self.rest.wake()
        self._forget_ended()
        stream = Stream(self.next_index(), optimizer, self.modules, self.networks)
        stream.due = self.schedule.starts_again(self.tick, alike=self.rest.left_out.stands_for(stream.line)) or self.snapping
        self.steps.takes(stream, optimizer)
        self.streams[id(optimizer)] = stream
        self.lean = False
        if not stream.due:
            self.writer.stream(stream.index, **stream.facts())
        self.hook_again()
        return stream

    def _forget_ended(self) -> None:
        """A program may train thousands of networks one after the other: what is over is not asked again at every step."""
        for key, stream in list(self.streams.items()):
            if stream.optimizer is not None and stream.optimizer() is None:
                self._write_end(self.streams.pop(key))

    def _write_end(self, stream: Stream) -> None:
        self.writer.stream(stream.index, slowdown=self.schedule.slowdown)
        if stream.counted >= 0:  # the last of them have left no row behind
            self.writer.stream(stream.index, last_counted=stream.counted)

    def live_streams(self) -> list[Stream]:
        """Streams of the thread that is followed whose optimizer is still there.

        What other threads train is left alone altogether: autograd writes their gradients while Python runs here.
        """
        followed = self.threads.followed or get_ident()
        known = list(self.streams.values())  # another thread may build an optimizer meanwhile
        return [s for s in known if s.thread == followed and (s.optimizer is None or s.optimizer() is not None)]

    def stream_of(self, optimizer: Optimizer) -> Stream | None:
        """The stream of an optimizer, where it has one: another that has gone may have had its id."""
        found = self.streams.get(id(optimizer))
        return found if found is not None and found.optimizer is not None and found.optimizer() is optimizer else None

    def next_index(self) -> int:
        """The number of a new stream."""
        self._streams_made += 1
        return self._streams_made - 1

    # -- for watch() -------------------------------------------------------------------------------------------------

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Observes nothing while open."""
        self.rest.wake()
        self._paused += 1
        self.unhook_all()
        try:
            yield
        finally:
            self._paused -= 1
            if not self._paused and not self._finished:
                self.hook_again()

    def log(self, **values: float | Tensor) -> None:
        """Scalars that nothing intercepts."""
        for name, value in values.items():
            shown = number(value) if isinstance(value, Tensor) else float(value)
            if isinstance(shown, float):
                layout = self.writer.layout("logged", [name])
                stream = next(reversed(self.live_streams()), None)
                data = np.float32(shown).tobytes()
                self.writer.vector(max(0, self.tick - 1), stream.index if stream else 0, f"logged/{name}", layout, data)


_alive: weakref.WeakSet[Session] = weakref.WeakSet()


def _in_child() -> None:
    """A forked child (a worker of a loader, say) inherits hooks and seams: none of them does anything there."""
    for session in list(_alive):
        session._finished = True


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
