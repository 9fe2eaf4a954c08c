"""A backward runs: what is looked at before it, while its graph and the old gradients are there, and after it."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from torch import Tensor

from diagnose.observe.flow import read_graph
from diagnose.observe.readings import initial_statistics, read_gradients
from diagnose.observe.shards import local, spread
from diagnose.observe.sources import where
from diagnose.observe.streams import Stream, same, version
from diagnose.observe.torch_state import Untracked
from diagnose.observe.transfer import number

if TYPE_CHECKING:
    from diagnose.observe.session import Session


def _tensors(roots: Any) -> list[Tensor]:
    given = list(roots) if isinstance(roots, (list, tuple)) else [roots]
    return [root for root in given if isinstance(root, Tensor)]


def _known(roots: Any) -> list[Tensor]:
    """The roots whose values this process knows: of a sum over ranks that nobody has added up yet it does not."""
    return [root for root in _tensors(roots) if not spread(root) or local(root) is not None]


class Backward:
    """Listens to `torch.autograd.backward`."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.seen = False
        self.for_inputs: set[str] = set()  # loss sites whose backward gives an input of the network its gradient: an attack's
        self._after: tuple[int, int, Any] | None = None  # the gradient that the last backward has left, where there are such sites

    def begins(self, roots: Any) -> None:
        """A backward is about to run."""
        session = self.session
        if session.asleep():
            return
        if not session.threads.trains():
            return
        if self.for_inputs and session.row.backwards:
            self._forget_cleared()
        if session.lean and not session.losses.waiting:
            self._begins_lean(roots)
            return
        began, started = time.perf_counter(), session.schedule.starts()
        try:
            self.look(_tensors(roots))
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            session.failed("backward", error)
        finally:
            session.in_backward = True
            now = time.perf_counter()
            session.schedule.ends(started)
            session.row.backward_begins(now, began)

    def _begins_lean(self, roots: Any) -> None:
        session = self.session
        began = time.perf_counter()
        if type(roots) is Tensor:
            value = number(roots)
            session.row.losses.append(value)
            if type(value) is float and not math.isfinite(value):
                session.nonfinite.loss([roots])
        else:
            session.row.losses.extend(session.row.unscaled_number(root) for root in _known(roots))
        session.in_backward = True
        now = time.perf_counter()
        session.schedule.pulse(now - began)
        session.row.backward_begins(now, began)

    def look(self, roots: list[Tensor]) -> None:
        """The losses, what the optimizers left of their gradients, and on a snapshot the graph."""
        session = self.session
        session.schedule.began()
        self.seen = True
        if not session.streams or session.by_hand.stream is not None:
            session.by_hand.before_backward(roots)
        row = session.row
        values = [row.unscaled_number(root) for root in _known(roots)]
        row.add_loss(values, None if session.losses.waiting else where())
        if values and isinstance(values[0], float) and not math.isfinite(values[0]):
            session.nonfinite.loss(roots)
        row.looked = True
        for stream in session.live_streams():
            if not stream.cleared and stream.stepped_gradient is not None and not _still_there(stream):
                stream.cleared = True
            elif not stream.cleared and not row.backwards:
                stream.leftover = stream.left()
                stream.cleared = isinstance(stream.leftover, float) and stream.leftover == 0
            if stream.due and not stream.before:
                with Untracked():
                    stream.copy_before()
                    initial_statistics(session, stream)
        if session.snapping:
            losses = [(session.book.site(call), result, inputs) for call, result, inputs in session.snapshot.losses]
            self.for_inputs |= read_graph(session, roots, losses)

    def _forget_cleared(self) -> None:
        """Gradients that were made for an input and cleared again before the step: their loss is none of it.

        Only where such a backward was seen: elsewhere a program that clears between two backwards may have kept the gradients
        to put them together itself (one task or sample after the other), and trains on all of them.
        """
        session = self.session
        streams = session.live_streams()
        if len(streams) != 1 or session.steps.inside(streams[0]):
            return
        with session.guard("backward"):
            owner = streams[0].watched()
            gradient = None if owner is None else owner.grad
            if gradient is not None:  # zeroed in place, unless it is what the backward before has left
                left = 1.0 if same(gradient, self._after) else streams[0].left()
                if not isinstance(left, float) or left > 0:
                    return
            session.row.losses = []
            session.losses.forget_fired()

    def ends(self) -> None:
        """A backward has run, or raised."""
        session = self.session
        if session.threads.elsewhere():
            return
        session.in_backward = False
        if session.off():
            return
        session.row.backward_ends(time.perf_counter())
        if self.for_inputs:
            owner = next((stream.watched() for stream in session.live_streams()), None)
            self._after = None if owner is None else version(owner.grad)
        if session.lean:
            return
        started = session.schedule.starts()
        try:
            streams = session.live_streams()
            for stream in streams:
                if not stream.cleared:  # accumulated onto what was there: still the same gradient
                    owner = stream.watched()
                    stream.stepped_gradient = version(owner.grad) if owner is not None else None
            if session.snapping:  # inside a closure: the step reads this gradient, not the first one
                for stream in streams:
                    if stream.due and session.steps.inside(stream):
                        read_gradients(session, stream)
            session.by_hand.after_backward()
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            session.failed("backward", error)
        finally:
            session.schedule.ends(started)


def _still_there(stream: Stream) -> bool:
    """Whether the gradient of the last step has not been touched since."""
    seen = stream.stepped_gradient
    tensor = None if seen is None else seen[2]()
    if tensor is None:
        return False
    owner = stream.watched()
    return owner is not None and same(owner.grad, seen)
