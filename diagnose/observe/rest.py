"""Steps that are only counted, where the least record of each would cost more than the budget; what is left out altogether."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from torch.optim import Optimizer

from diagnose.observe.left_out import LeftOut
from diagnose.observe.schedule import PULSE
from diagnose.observe.sources import where
from diagnose.observe.streams import Stream

if TYPE_CHECKING:
    from diagnose.observe.session import Session

# Steps in a row that are only counted, where even the least record of each would cost more than the budget: so many that
# the record of the one behind them costs a quarter of the budget.
LEAST_REST, MOST_REST = 16, 256
# What a step costs that no clock of ours sees (torch calling hooks, our functions called and left) against what one does;
# and a step that is only counted against one that is written down (own measurement, tests/benchmarks/overhead.py).
UNSEEN, COUNTED = 0.8, 0.08


class Rest:
    """Takes the toll of each step between snapshots, and rests after those that are too dear."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.left_out = LeftOut()
        self._left = 0  # steps still to come that are only counted
        self._rested_from = self._heard_at = 0  # ticks: when the rest began, when another thread asked after the followed one
        self._rested_since = 0.0  # the clock then
        self._unhooking = 0.0
        self._pace = 0.0  # seconds of a step that is only counted
        self._hooking = 0.0  # what beginning and ending the last rest took
        self._poor = False  # the budget has been used up, and a step's least record is too dear for every step
        self._lean_cost = 0.0  # seconds of a step of which only loss, rate and time are kept, smoothed
        self._spent = 0.0  # when the step under way began

    def step_ended(self) -> None:
        """What is spent from here on is the next step's."""
        self._spent = self.session.schedule.spent

    def toll(self, stream: Stream) -> None:
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
            self._left = schedule.rest(session.tick, int(min(max(wanted, LEAST_REST), MOST_REST)))
            if self._left:
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
            self._left -= 1
            if self._left <= 0:
                self.wake()

        self._rested_from, self._rested_since = session.tick, time.perf_counter()
        return counted

    def _unknown_step(self, optimizer: Optimizer, followed: int) -> None:
        """While steps are only counted another thread's optimizer has stepped, or one inside another's step, or one left out."""
        session = self.session
        if session.off():
            return
        if threading.get_ident() == followed:
            if self.left_out.since(optimizer) is not None:
                self.passed(optimizer)
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

    # -- trainings that are left out ---------------------------------------------------------------------------------

    def passes_by(self, optimizer: Optimizer) -> bool:
        """Whether what a new optimizer trains is left out: the budget is used up, and its lines are known."""
        session = self.session
        if session.schedule.affords_alike() or session.schedule.ranks > 1 or not self.left_out.stands_for(where()):
            return False  # several processes look at the same steps, or they cannot be compared
        if not session.seams.resting:
            if session.snapping:
                return False
            session.steps.settle(None)  # the passes of the training before
        self.left_out.add(optimizer, session.tick)
        if not self._beside():
            self._left = MOST_REST  # one that lasts longer is looked at
        if self._left > 0:
            self._rest_again()
        return True

    def passed(self, optimizer: Optimizer) -> None:
        """A step of a training that is left out."""
        session = self.session
        self.left_out.now = True
        self.left_out.steps += 1
        session.tick += 1
        self._left -= 1
        if self._left <= 0 and not self._beside():
            session.take_optimizer(optimizer)
        elif self._left <= 0 and session.seams.resting:
            self.wake()
        elif not session.seams.resting:  # woken for another one's step, or by a pass over other data
            session.steps.settle(None)
            session.row.restart()
            if self._left > 0:
                self._rest_again()

    def _beside(self) -> bool:
        """Whether what is left out is trained beside what is looked at: that one's next step is waited for then."""
        tick = self.session.tick
        return any(tick - max(s.stepped, s.counted) <= MOST_REST for s in self.session.live_streams())

    def _rest_again(self) -> None:
        if not self.session.seams.resting and self._may_rest():
            self._begin_rest()
