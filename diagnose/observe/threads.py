"""Which thread of the program is followed: one training at a time, from its first backward on."""

from __future__ import annotations

import os
import sys
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from diagnose.observe.session import Session
    from diagnose.observe.streams import Stream

WAITING = ("wait", "join", "_wait_for_tstate_lock")  # functions of the threading module
REST = 1.0  # seconds after which a thread that does nothing is not followed any more where another one trains
# Whoever is inside these is training, however long it takes: ours (on whose seams backward runs, too), torch's optimizers.
_TRAINING = (os.path.dirname(os.path.abspath(__file__)), os.path.dirname(os.path.abspath(torch.optim.__file__)), "<diagnose ")


class Threads:
    """Events of two threads cannot be told apart into steps: those of the thread that is not followed are left alone.

    A program may train in its main thread first and in another one then; it is followed there.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._choosing = threading.Lock()
        self.followed: int | None = None  # its number; None: nobody trains yet
        self._seen = 0.0  # when the followed thread did something

    def elsewhere(self) -> bool:
        """Whether this thread is not the followed one."""
        if self.followed is None:
            return False
        return threading.get_ident() != self.followed

    def trains(self) -> bool:
        """This thread, which was not elsewhere, runs a backward: whether it is the one to follow."""
        if self.followed is None:
            with self._choosing:  # several may begin at once
                if self.followed is None:
                    self._follow()
        if self.elsewhere():
            return False
        self._seen = time.perf_counter()
        return True

    def stepped(self, stream: Stream | None) -> None:
        """An optimizer has stepped on a thread that is not followed."""
        if stream is not None:
            stream.thread = threading.get_ident()
        if self.gives_way():
            self._follow()
            self.session.begin_anew()
        else:
            message = "trains at the same time as another thread: only one of them is observed"
            self.session.blind(f"thread {threading.current_thread().name}", message)

    def takes(self, stream: Stream) -> bool:
        """The followed thread steps an optimizer: whether another one had built it."""
        another = stream.thread != threading.get_ident()
        stream.thread = threading.get_ident()
        return another

    def _follow(self) -> None:
        """Follows this thread from now on, with what threads have built that now wait for it, or have ended."""
        self.followed, self._seen = threading.get_ident(), time.perf_counter()
        for stream in list(self.session.streams.values()):  # another thread may build an optimizer meanwhile
            if stream.thread != self.followed and self._rests(stream.thread):
                stream.thread = self.followed
        self.session.losses.leave_to(self.followed)

    def heard(self) -> None:
        """The followed thread has stepped meanwhile."""
        self._seen = time.perf_counter()

    def gives_way(self) -> bool:
        """Whether the followed thread rests, or has done nothing of a training for a second.

        A backward or a step may take longer than that, on a busy machine even a small one: whoever is inside one trains.
        """
        if self._rests(self.followed):
            return True
        return time.perf_counter() - self._seen > REST and not _trains(sys._current_frames().get(self.followed or 0))

    def _rests(self, thread: int | None) -> bool:
        """Whether a thread has ended, or waits for another one; for our own writer it waits in the middle of its training."""
        frame = sys._current_frames().get(thread or 0)
        if frame is None:
            return True
        waits = frame.f_code.co_filename == threading.__file__ and frame.f_code.co_name in WAITING
        return waits and not _trains(frame)


def _trains(frame: FrameType | None) -> bool:
    """Whether a thread whose innermost frame this is runs a backward or an optimizer's step."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_TRAINING):
            return True
        frame = frame.f_back
    return False
