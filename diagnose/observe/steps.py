"""An optimizer steps: what is written down of the step, and whether the next one is a snapshot."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer

from diagnose.observe.evaluations import write_pass
from diagnose.observe.left_out import SETTLED, LeftOut
from diagnose.observe.readings import read_gradients
from diagnose.observe.row import write_lean_row, write_row
from diagnose.observe.schedule import PULSE
from diagnose.observe.snapshot_rows import write_snapshot
from diagnose.observe.sources import where
from diagnose.observe.streams import Stream, version
from diagnose.observe.training_losses import write_training_losses

if TYPE_CHECKING:
    from diagnose.observe.session import Session

# Steps in a row that are only counted, where even the least record of each would cost more than the budget: so many that
# the record of the one behind them costs a quarter of the budget.
LEAST_REST, MOST_REST = 16, 256
# What a step costs that no clock of ours sees (torch calling hooks, our functions called and left) against what one does;
# and a step that is only counted against one that is written down (own measurement, tests/benchmarks/overhead.py). Of a
# snapshot the same: 4.4 ms of processor time a step where our clocks added up to 3.5 (digits), 4.6 and 3.7 (MLP).
SNAPSHOT_UNSEEN = 0.25
UNSEEN, COUNTED = 0.8, 0.08


class Steps:
    """Listens to the outermost `Optimizer.step`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self._rest = 0  # steps still to come that are only counted
        self._rested_from = self._heard_at = 0  # ticks: when the rest began, when another thread asked after the followed one
        self._rested_since = 0.0  # the clock then
        self._unhooking = 0.0
        self._pace = 0.0  # seconds of a step that is only counted
        self._hooking = 0.0  # what beginning and ending the last rest took
        self._poor = False  # the budget has been used up, and a step's least record is too dear for every step
        self._lean_cost = 0.0  # seconds of a step of which only loss, rate and time are kept, smoothed
        self._spent = 0.0  # when the step under way began
        self._stack: list[int] = []  # optimizers whose steps are running, outermost first
        self._opened = 0  # tick at which the snapshot under way began
        self.left_out = LeftOut()

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
            if stream is None and session.only is None and self.left_out.since(optimizer) is None:
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
            if self.left_out.since(optimizer) is not None:
                with session.guard("step"):
                    self._pass(optimizer)
            return
        self.left_out.now = False
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
                self._toll(stream)
            self._spent = session.schedule.spent

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
        if self.left_out.now:  # what is of no other training's network is of the one that is left out
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

    def _toll(self, stream: Stream) -> None:
        """A step between snapshots has ended: adds what of it no clock saw, and rests where it was too dear."""
        session = self.session
        schedule, cost = session.schedule, session.schedule.spent - self._spent
        if stream.steps > 1:  # what a stream begins with is no step's price
            known = self._lean_cost or cost
            self._lean_cost = known + (0.3 if cost < known else 0.03) * (min(cost, 2 * known) - known)  # near what most take
        schedule.spent += UNSEEN * self._lean_cost
        over = schedule.over()
        if over or self._poor:
            price = (1 + UNSEEN) * self._lean_cost + self._hooking
            pace = self._pace or schedule.elapsed / max(1, session.tick)
            wanted = price / max(0.25 * schedule.share * pace / schedule.slowdown, 1e-9)
            self._poor = wanted > 1  # as long as one step's record is too dear for each of them, rest after every one
            if not (over or self._poor) or not self._may_rest():
                return
            self._rest = schedule.rest(session.tick, int(min(max(wanted, LEAST_REST), MOST_REST)))
            if self._rest:
                self._begin_rest()

    def _may_rest(self) -> bool:
        return not self.session.losses.busy() and not self.session.seams.dynamo.compiles

    def _begin_rest(self) -> None:
        session = self.session
        with session.guard("rest"):
            began = time.perf_counter()
            session.unhook_all()
            session.losses.rests()
            session.seams.rest(self._counter())
            self._unhooking = min(time.perf_counter() - began, PULSE)

    def _counter(self) -> Callable[[Optimizer, Any, Any], None]:
        """The hook of steps that are only counted: as little as can be."""
        session = self.session
        known = {id(s.optimizer()): (s, s.optimizer) for s in session.live_streams() if s.optimizer is not None}
        own, thread = threading.get_ident(), threading.get_ident

        def counted(optimizer: Optimizer, args: Any, kwargs: Any) -> None:
            stream, alive = known.get(id(optimizer), (None, None))
            if stream is None or alive is None or alive() is not optimizer or thread() != own:
                self._unknown_step(optimizer, own)
                return
            stream.steps += 1
            stream.counted = session.tick
            session.tick += 1
            self._rest -= 1
            if self._rest <= 0:
                self.wake()

        self._rested_from, self._rested_since = session.tick, time.perf_counter()
        return counted

    def passes_by(self, optimizer: Optimizer) -> bool:
        """Whether what a new optimizer trains is left out: the budget is used up, and its lines are known."""
        session = self.session
        if session.schedule.affords_alike() or session.schedule.ranks > 1 or not self.left_out.stands_for(where()):
            return False  # several processes look at the same steps, or they cannot be compared
        if not session.seams.resting:
            if session.snapping:
                return False
            self.settle(None)  # the passes of the training before
        self.left_out.add(optimizer, session.tick)
        if not self._beside():
            self._rest = MOST_REST  # one that lasts longer is looked at
        if self._rest > 0:
            self._rest_again()
        return True

    def _beside(self) -> bool:
        """Whether what is left out is trained beside what is looked at: that one's next step is waited for then."""
        tick = self.session.tick
        return any(tick - max(s.stepped, s.counted) <= MOST_REST for s in self.session.live_streams())

    def _rest_again(self) -> None:
        if not self.session.seams.resting and self._may_rest():
            self._begin_rest()

    def _pass(self, optimizer: Optimizer) -> None:
        """A step of a training that is left out."""
        session = self.session
        self.left_out.now = True
        self.left_out.steps += 1
        session.tick += 1
        self._rest -= 1
        if self._rest <= 0 and not self._beside():
            session.take_optimizer(optimizer)
        elif self._rest <= 0 and session.seams.resting:
            self.wake()
        elif not session.seams.resting:  # woken for another one's step, or by a pass over other data
            self.settle(None)
            session.row.restart()
            if self._rest > 0:
                self._rest_again()

    def _unknown_step(self, optimizer: Optimizer, followed: int) -> None:
        """While steps are only counted another thread's optimizer has stepped, or one inside another's step, or one left out."""
        session = self.session
        if session.off():
            return
        if threading.get_ident() == followed:
            if self.left_out.since(optimizer) is not None:
                self._pass(optimizer)
            return
        if session.tick > self._heard_at:
            self._heard_at = session.tick
            session.threads.heard()
        elif session.threads.elsewhere() and session.threads.gives_way():
            self.wake()

    def wake(self) -> None:
        """Steps are written down again."""
        session = self.session
        if session.seams.resting:
            with session.guard("rest"):
                counted = session.tick - self._rested_from
                session.schedule.spent += COUNTED * self._lean_cost * counted
                if counted >= LEAST_REST:
                    self._pace = (time.perf_counter() - self._rested_since) / counted
                began = time.perf_counter()
                session.seams.wake()
                session.row.restart()
                session.hook_again()
                self._hooking = self._unhooking + min(time.perf_counter() - began, PULSE)
            self._spent = session.schedule.spent

    def _count(self, stream: Stream) -> None:
        session = self.session
        stream.steps += 1
        if stream.steps <= SETTLED + 1:
            self.left_out.saw(stream.line)
        session.tick += 1
        session.transfer.poll()
        if session.keeper is not None:
            session.keeper.stepped()
        self._plan()
        session.lean = (
            session.schedule.spare()
            and not session.snapping
            and (stream.steps > SETTLED or (session.schedule.over() and self.left_out.stands_for(stream.line)))
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
        began = None if optimizer is None else self.left_out.take(optimizer, self.session.tick)
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
