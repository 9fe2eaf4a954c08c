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
        self._followed: int | None = None
        self._choosing = threading.Lock()
        self._seen = 0.0  # when the followed thread did something

    def elsewhere(self) -> bool:
        """Whether this thread is not the followed one."""
        if self._followed is None:
            return False
        return threading.get_ident() != self._followed

    def trains(self) -> bool:
        """This thread runs a backward: whether it is the followed one, which it becomes if it is the first."""
        own = threading.get_ident()
        if self._followed is None:
            with self._choosing:  # two may begin at once, each while nobody is followed
                if self._followed is None:
                    self._followed = own
                    self._leave_to(own)
        if self._followed != own:
            return False
        self._seen = time.perf_counter()
        return True

    def _leave_to(self, own: int) -> None:
        """What other threads have begun while nobody was followed is not waited for."""
        self.session.losses.leave_to(own)
        for stream in self.session.live_streams():
            if stream.thread not in (own, threading.main_thread().ident):  # a program may build here and train there
                stream.due, stream.idle = False, True

    def stepped(self) -> None:
        """An optimizer has stepped on a thread that is not followed."""
        if self._gives_way():
            self._followed, self._seen = threading.get_ident(), time.perf_counter()
            self.session.begin_anew()
        else:
            message = "trains at the same time as another thread: only one of them is observed"
            self.session.blind(f"thread {threading.current_thread().name}", message)

    def _gives_way(self) -> bool:
        """Whether the followed thread has ended, waits for another one, or has done nothing of a training for a second.

        A backward or a step may take longer than that, on a busy machine even a small one: whoever is inside one trains.
        """
        frame = sys._current_frames().get(self._followed or 0)
        if frame is None or (frame.f_code.co_filename == threading.__file__ and frame.f_code.co_name in WAITING):
            return True
        return time.perf_counter() - self._seen > REST and not _trains(frame)


def _trains(frame: FrameType | None) -> bool:
    """Whether a thread whose innermost frame this is runs a backward or an optimizer's step."""
    while frame is not None:
        if frame.f_code.co_filename.startswith(_TRAINING):
            return True
        frame = frame.f_back
    return False
