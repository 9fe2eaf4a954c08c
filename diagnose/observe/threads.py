"""Which thread of the program is followed: one training at a time, from its first backward on."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from diagnose.observe.session import Session

WAITING = ("wait", "join", "_wait_for_tstate_lock")  # functions of the threading module
REST = 1.0  # seconds after which a thread that does nothing is not followed any more where another one trains


class Threads:
    """Events of two threads cannot be told apart into steps: those of the thread that is not followed are left alone.

    A program may train in its main thread first and in another one then; it is followed there.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self._followed: int | None = None
        self._seen = 0.0  # when the followed thread did something

    def elsewhere(self) -> bool:
        """Whether this thread is not the followed one."""
        if self._followed is None:
            return False
        return threading.get_ident() != self._followed

    def trains(self) -> None:
        """This thread, which is not elsewhere, runs a backward."""
        self._seen = time.perf_counter()
        if self._followed is None:
            self._followed = threading.get_ident()

    def stepped(self) -> None:
        """An optimizer has stepped on a thread that is not followed."""
        if self._rests() or time.perf_counter() - self._seen > REST:
            self._followed, self._seen = threading.get_ident(), time.perf_counter()
            self.session.begin_anew()
        else:
            message = "trains at the same time as another thread: only one of them is observed"
            self.session.blind(f"thread {threading.current_thread().name}", message)

    def _rests(self) -> bool:
        """Whether the followed thread has ended, or waits for another one."""
        frame = sys._current_frames().get(self._followed or 0)
        if frame is None:
            return True
        return frame.f_code.co_filename == threading.__file__ and frame.f_code.co_name in WAITING
