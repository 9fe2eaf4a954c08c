"""When to take a snapshot: dense at the start, sparser later, never beyond the budget."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import log

DOUBLINGS = 14  # the 1 s is meant to last for a run of 16,000 steps, told in advance to nobody
PULSE = 1e-3  # seconds: no piece of ours between snapshots takes longer (they take microseconds); what seems to, was interrupted
LEAST = 2  # snapshots in each doubling of the steps, however dear they are
MOST = 2.0  # budgets that they may take; none but a net whose snapshot takes as long as dozens of its steps comes near
ALIKE = 1.1  # the same for later trainings by the same lines: one that uses its budget up is near 1 all the time


def meeting(tick: int) -> bool:
    """Whether only the first three binary digits of a number are other than 0."""
    return tick & ((1 << max(0, tick.bit_length() - 3)) - 1) == 0


class Schedule:
    """Decides at the end of each step whether the next one is a snapshot.

    Wished for: every step up to `dense`, then gaps that grow by 1/`dense` of the step number, so that each doubling of
    the run holds about 35 snapshots (`dense` ln 2). Where snapshots are dear, fewer: each doubling may cost its share of
    the budget, so that the end of a training is seen as well as its start. Granted while our own time stays under
    `once` seconds plus `share` of the time the program has been training (1 s and 2 %), less what is laid by for two
    snapshots in each doubling to come: those are taken up to twice the budget, for a trouble that comes late must be seen
    in a short training too (later trainings by the same lines take a tenth more than the budget only). `every` overrides all.

    Each of several `ranks` has a budget of its own, and they never speak to each other: so that they can be compared, all
    of them look at four steps of each doubling (64, 80, 96, 112, 128, 160, …), whatever it costs.

    On a busy machine our pieces seem longer than they are, for other programs take their turns meanwhile: how much longer is
    learnt from one piece of each snapshot that is measured by the thread's own processor time as well (to ask for that takes
    longer than most pieces). The short ones between snapshots count up to `PULSE` each.
    """

    def __init__(
        self, every: int | None = None, *, ranks: int = 1, once: float = 1.0, share: float = 0.02, dense: int = 50
    ) -> None:
        self.every = every
        self.ranks = ranks
        self.once = once
        self.share = share
        self.dense = dense
        self.spent = 0.0  # seconds of ours on the program's thread
        self._looking = False  # a snapshot is under way
        self.aside: Callable[[], float] = lambda: 0.0  # seconds of ours on other threads: they take the program's turns
        self.snapshots = 0
        self._began: float | None = None
        self._next = 0
        self._last = 0  # the tick of the latest snapshot
        self._origin = 0  # the tick at which the latest training began
        self._most = MOST  # budgets that it may take
        self._cost = 0.0  # of one snapshot, smoothed
        self._spent_before = 0.0
        self._wall = self._own = 0.0  # seconds of one piece of ours by both clocks
        self.slowdown = 1.0  # how much longer our work takes than it runs: 1 on a machine that does nothing else

    def measured(self, wall: float, own: float) -> None:
        """A piece of ours took so long, and so long of it the thread really ran."""
        self._wall += wall
        self._own += own
        self.slowdown = min(max(self._wall / self._own, 1.0), 20.0) if self._own else 1.0

    @property
    def allowed(self) -> float:
        """Seconds of work that may be spent by now; a busy machine's time is worth less than a quiet one's."""
        return self.once + self.share * self.elapsed / self.slowdown

    def began(self) -> None:
        """The first step is on its way."""
        if self._began is None:
            self._began = time.perf_counter()

    def starts(self) -> tuple[bool, float]:
        """A piece of ours begins: what `ends` wants to know."""
        return self._looking, time.perf_counter()

    def ends(self, started: tuple[bool, float]) -> None:
        """The piece of ours that so started is done."""
        looking, began = started
        seconds = time.perf_counter() - began
        self.spent += seconds / self.slowdown if looking else min(seconds, PULSE)

    def took(self, seconds: float) -> None:
        """A piece of ours within which no snapshot began or was done took so long by the clock."""
        self.spent += seconds / self.slowdown if self._looking else min(seconds, PULSE)

    def pulse(self, seconds: float) -> None:
        """A short piece of ours between snapshots took so long by the clock."""
        self.spent += min(seconds, PULSE)

    @property
    def elapsed(self) -> float:
        """Seconds since training began."""
        return 0.0 if self._began is None else time.perf_counter() - self._began

    @property
    def total(self) -> float:
        """Seconds of ours so far."""
        return self.spent + self.aside()

    def wants(self, tick: int) -> bool:
        """Whether step `tick`, about to begin, shall be a snapshot."""
        if self.every is not None:
            return tick % self.every == 0
        if self.meets(tick):
            return True
        if tick < self._next:
            return False
        if tick < 3:  # worth their price: initialisation shows nowhere else
            return True
        if tick - self._origin < 3 or tick >= self._awaited():
            return self._affords_more()
        return self.total + self._cost + self._laid_by(tick) <= self.allowed

    def _awaited(self) -> int:
        """The tick at which a snapshot is due at the latest: doublings begin at the training's start."""
        done = self._last - self._origin
        return self._origin + max(done + 1, int((done + 1) * 2 ** (1 / LEAST)) - 1)

    def _laid_by(self, tick: int) -> float:
        """Seconds kept for the snapshots that the coming doublings must have, half of the budget at most."""
        doublings = DOUBLINGS - log(tick - self._origin + 1, 2)
        return min(LEAST * max(0.0, doublings) * self._cost, 0.5 * self.once)

    def starts_again(self, tick: int, *, alike: bool = False) -> bool:
        """Another training begins: its first steps are as telling as the first one's, unless they are `alike`, made by the
        same lines. Whether step `tick` shall be a snapshot."""
        self._origin = self._next = self._last = tick
        self._most = ALIKE if alike else MOST
        return self.every is not None or self.wants(tick)

    def _affords_more(self) -> bool:
        return self.total <= self._most * self.allowed

    def affords_alike(self) -> bool:
        """Whether another training by lines that are known may be looked at: what it begins with is dear."""
        return self.every is not None or self.total <= ALIKE * self.allowed

    def spare(self) -> bool:
        """Whether the steps between snapshots must cost next to nothing: half of the budget is kept for snapshots."""
        return self.every is None and self.total > 0.5 * self.allowed

    def over(self) -> bool:
        """Whether the budget is used up."""
        return self.every is None and self.total > self.allowed

    def rest(self, tick: int, most: int) -> int:
        """How many steps from `tick` on need not be looked at, at most: what must be a snapshot must be seen coming."""
        if self._affords_more() and tick + 1 < self._awaited():
            most = min(most, self._awaited() - tick - 1)
        return next((n - 1 for n in range(1, most + 1) if self.meets(tick + n)), most)

    def meets(self, tick: int) -> bool:
        """Whether all ranks look at this step; steps count from the training's start, which is the same for all."""
        return self.ranks > 1 and meeting(tick - self._origin)

    def opens(self) -> None:
        """A snapshot begins."""
        self._looking = True
        self._spent_before = self.spent

    def closes(self, tick: int, unseen: float = 0.0) -> None:
        """The snapshot of step `tick` is done: learn its cost (`unseen`: what no clock saw of it, as a share), plan the next."""
        self._looking = False
        self.spent += unseen * (self.spent - self._spent_before)
        cost = self.spent - self._spent_before
        self._cost = cost if self.snapshots < 3 else 0.7 * self._cost + 0.3 * cost
        self.snapshots += 1
        self._last = tick
        affordable = (self.once / DOUBLINGS + self.share * self.elapsed / self.slowdown) / max(self._cost, 1e-6)
        in_doubling = min(max(affordable, LEAST), self.dense * log(2))
        self._next = tick + max(1, int((tick - self._origin) * log(2) / in_doubling))

    def hurry(self, tick: int) -> None:
        """Something odd was seen: look at the coming steps, if the budget allows."""
        self._next = min(self._next, tick + 1)
