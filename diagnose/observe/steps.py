"""An optimizer steps: what is written down of the step, and whether the next one is a snapshot."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer

from diagnose.observe.evaluations import write_pass
from diagnose.observe.left_out import SETTLED
from diagnose.observe.readings import read_gradients
from diagnose.observe.row import write_lean_row, write_row
from diagnose.observe.snapshot_rows import write_snapshot
from diagnose.observe.streams import Stream, version
from diagnose.observe.training_losses import write_training_losses

if TYPE_CHECKING:
    from diagnose.observe.session import Session

# What of a snapshot no clock of ours sees (torch calling hooks, our functions called and left) against what one does: 4.4 ms of
# processor time a step where our clocks added up to 3.5 (digits), 4.6 and 3.7 (MLP; own measurement, tests/benchmarks/overhead.py).
SNAPSHOT_UNSEEN = 0.25


class Steps:
    """Listens to the outermost `Optimizer.step`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._stack: list[int] = []  # optimizers whose steps are running, outermost first
        self._opened = 0  # tick at which the snapshot under way began

    def give_up(self) -> None:
        """No step is running any more."""
        self._stack.clear()

    def inside(self, stream: Stream) -> bool:
        """Whether the outermost step that runs is this stream's."""
        return bool(self._stack) and self._stack[0] == id(stream.optimizer() if stream.optimizer else None)

    def begins(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """An optimizer step is about to run (a nested one is part of the outer)."""
        session = self.session
        if session.asleep():
            return
        began, started = time.perf_counter(), session.schedule.starts()
        if id(optimizer) in self._stack:  # the step before this one raised
            self._stack.clear()
        self._stack.append(id(optimizer))
        if len(self._stack) > 1:
            session.streams.pop(id(optimizer), None)  # its steps are part of the outer one's
            return
        if session.lean:
            session.row.step_begins(began)
            return
        try:
            stream = session.stream_of(optimizer)
            if stream is None and session.only is None and session.rest.left_out.since(optimizer) is None:
                stream = session.take_optimizer(optimizer)  # built before we were attached
            if stream is not None and session.threads.takes(stream):
                session.hook_again()
            if stream is not None and stream.due:
                read_gradients(session, stream)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            session.failed("step", error)
        finally:
            session.schedule.ends(started)
            session.row.step_begins(time.perf_counter())

    def ends(self, optimizer: Optimizer, args: Any, kwargs: Any) -> None:
        """An optimizer step has run."""
        session = self.session
        if session.off():
            return
        if session.threads.elsewhere():
            session.threads.stepped(session.stream_of(optimizer))
            return
        began, started = time.perf_counter(), session.schedule.starts()
        if self._stack and self._stack[-1] == id(optimizer):
            self._stack.pop()
        if self._stack:
            return
        stream = session.stream_of(optimizer)
        if stream is None:
            if session.rest.left_out.since(optimizer) is not None:
                with session.guard("step"):
                    session.rest.passed(optimizer)
            return
        session.rest.left_out.now = False
        try:
            session.row.step_ends(began)
            if session.lean and not session.losses.busy():
                write_lean_row(session, stream)
                stream.cleared, stream.seen = True, False
                self._count_lean(stream)
            else:
                self.end(stream)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            session.failed("step", error)
        finally:
            session.schedule.ends(started)
            session.row.restart()
            session.threads.trains()
            if session.lean:
                session.rest.toll(stream)
            session.rest.step_ended()

    def end(self, stream: Stream) -> None:
        """Writes down a step of a stream and plans the next."""
        self.settle(stream)
        if stream.due:
            wall, own = time.perf_counter(), time.thread_time()
            write_snapshot(self.session, stream)
            self.session.schedule.measured(time.perf_counter() - wall, time.thread_time() - own)
        write_row(self.session, stream)
        owner = stream.watched()
        stream.stepped_gradient = version(owner.grad) if owner is not None else None
        stream.cleared, stream.seen = stream.stepped_gradient is None, True
        stream.steps_at(self.session.tick)
        self._count(stream)

    def settle(self, stream: Stream | None, *, everything: bool = False) -> None:
        """Writes down the losses that are known by now to be training's or evaluations'."""
        session = self.session
        trained, ended = session.losses.settle(everything=everything)
        if session.rest.left_out.now:  # what is of no other training's network is of the one that is left out
            live = session.live_streams()
            trained, ended = [], [one for one in ended if any(one.stream is other for other in live)]
        if stream is None:
            stream = next(reversed(session.live_streams()), None) or next(reversed(session.streams.values()), None)
        if stream is None:
            return
        write_training_losses(session, stream, trained)
        for one in ended:
            write_pass(session, one.stream or stream, one)

    def forget(self, stream: Stream) -> None:
        """The step under way does not take place: what was collected for it is not the next one's."""
        if self.session.snapping:
            self.session.snapshot.drop()
            self.session.snapshot.forget_graph()
            self.session.snapshot.forget_readings()
        stream.gradients, stream.present = {}, {}

    # -- counting and planning -------------------------------------------------------------------------------------

    def _count_lean(self, stream: Stream) -> None:
        session = self.session
        if session.schedule.wants(session.tick + 1):
            self._count(stream)
            return
        stream.steps += 1
        session.tick += 1
        if session.keeper is not None:
            session.keeper.stepped()
        if session.on_step is not None:
            session.on_step(session.tick)

    def _count(self, stream: Stream) -> None:
        session = self.session
        stream.steps += 1
        if stream.steps <= SETTLED + 1:
            session.rest.left_out.saw(stream.line)
        session.tick += 1
        session.transfer.poll()
        if session.keeper is not None:
            session.keeper.stepped()
        self._plan()
        session.lean = (
            session.schedule.spare()
            and not session.snapping
            and (stream.steps > SETTLED or (session.schedule.over() and session.rest.left_out.stands_for(stream.line)))
            and session.by_hand.stream is None
            and session.row.scale is None
        )
        if session.on_step is not None:
            session.on_step(session.tick)

    def _plan(self) -> None:
        """Whether the next steps are snapshots; hooks change only when that changes."""
        session = self.session
        streams = session.live_streams()
        was = session.snapping
        awaited = [s for s in streams if s.due and not s.idle]
        if awaited:
            if session.tick - self._opened < max(s.patience for s in awaited):  # an alternating training: not all have stepped
                session.snapshot.forget_graph()
                session.snapshot.look_at(network for s in awaited for network in s.networks)
                return
            for s in awaited:  # an optimizer that no longer steps
                s.due, s.before, s.idle = False, {}, True
        if was:
            self._close(streams)
        if session.schedule.wants(session.tick):
            self._open()
            for s in streams:
                s.due = not s.idle
            if was and session.calls.rooted:
                session.snapping = True
                session.snapshot.drop()  # the hooks stay
                session.snapshot.look_at(network for s in streams if s.due for network in s.networks)
                return
        now = any(s.due for s in streams)
        if now != was or not session.calls.rooted:
            session.calls.rooted = True
            session.hook_again()

    def takes(self, stream: Stream, optimizer: Optimizer | None = None) -> None:
        """A new stream, whose first step is a snapshot if it is due; its optimizer may have been left out until now."""
        if stream.due and not self.session.snapping:
            self._open()
        began = None if optimizer is None else self.session.rest.left_out.take(optimizer, self.session.tick)
        if began is not None:
            stream.steps = self.session.tick - began
            self.session.writer.stream(stream.index, first_counted=began)

    def _open(self) -> None:
        self.session.schedule.opens()
        self._opened = self.session.tick

    def _close(self, streams: list[Stream]) -> None:
        """The snapshot under way is done."""
        session = self.session
        session.schedule.closes(session.tick - 1, SNAPSHOT_UNSEEN)
        for network in {id(n): n for s in streams for n in s.networks}.values():
            learned = network.learn_roots(session.snapshot.roots_seen())
            session.calls.rooted = not learned and session.calls.rooted
        session.snapshot.drop()
        session.snapshot.forget_graph()
