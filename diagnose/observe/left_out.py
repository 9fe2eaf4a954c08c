"""Trainings that are only counted: the budget is used up, and others by the same lines stand for them."""

from __future__ import annotations

import weakref
from collections import Counter

from torch.optim import Optimizer

Line = tuple[str, int]
SETTLED = 20  # steps after which the places of the losses are known


class LeftOut:
    """A federation trains hundreds of networks for a second each, a search as many for longer.

    The start of each is dear; those that the budget allows stand for the others.
    """

    def __init__(self) -> None:
        self.now = False  # the latest step was one of theirs
        self.trainings = self.steps = 0
        self._seen: Counter[Line] = Counter()  # steps by the lines that built their optimizers
        self._known: dict[int, tuple[weakref.ref[Optimizer], int]] = {}  # by id, with the tick at which it came

    def saw(self, line: Line | None) -> None:
        """A step was written down, with an optimizer that a line had built."""
        if line is not None:
            self._seen[line] += 1

    def stands_for(self, line: Line | None) -> bool:
        """Whether trainings by this line have been seen, and the places of their losses are known."""
        return line is not None and self._seen[line] > SETTLED

    def add(self, optimizer: Optimizer, tick: int) -> None:
        """What an optimizer trains from `tick` on is left out."""
        for key in [key for key, (other, _) in self._known.items() if other() is None]:
            del self._known[key]
        self._known[id(optimizer)] = weakref.ref(optimizer), tick
        self.trainings += 1
        self.now = True

    def since(self, optimizer: Optimizer) -> int | None:
        """The tick from which on an optimizer is left out; None if it is not."""
        alive, tick = self._known.get(id(optimizer), (None, 0))
        return tick if alive is not None and alive() is optimizer else None

    def take(self, optimizer: Optimizer, tick: int) -> int | None:
        """It is looked at from `tick` on: since when it was left out."""
        began = self.since(optimizer)
        if began is not None:
            del self._known[id(optimizer)]
            self.trainings -= 1
            self.steps -= tick - began
        self.now = False
        return began

    def told(self) -> str | None:
        """How much was left out."""
        if not self.trainings:
            return None
        return f"{self.trainings:,} by the same lines ({self.steps:,} steps) were only counted, for watching costs time"
