"""Judging while the program runs: errors only, at geometrically spaced steps, told when held twice."""

from __future__ import annotations

import sys
import threading
import time
from typing import Any

from diagnose.settings import Settings

FIRST, FACTOR = 64, 2.0  # steps of the first look, and how much later each next one comes
SHARE = 0.005  # of the time so far that looking may take
PATIENCE = 5.0  # seconds: a program that ends sooner hears the verdict soon enough


class LiveJudge:
    """Looks at the record from a thread of its own; each error is told once, on one line of stderr."""

    def __init__(self, session: Any, settings: Settings) -> None:
        self.session = session
        self.settings = settings
        self._next = FIRST
        self._seen: dict[str, int] = {}
        self._told: set[str] = set()
        self._spent = 0.0
        self._began = time.perf_counter()
        self._busy = threading.Lock()

    def step(self, tick: int) -> None:
        """A step has ended."""
        if tick < self._next:
            return
        self._next = int(tick * FACTOR)
        elapsed = time.perf_counter() - self._began
        if elapsed < PATIENCE or self._spent > SHARE * elapsed or not self._busy.acquire(blocking=False):
            return
        threading.Thread(target=self._look, args=(tick,), daemon=True, name="diagnose-live").start()

    def _look(self, tick: int) -> None:
        began = time.thread_time()
        try:
            from diagnose.judge import judge
            from diagnose.record.reader import load
            from diagnose.report.live import line

            self.session.writer.flush()
            for finding in judge(load(self.session.writer.path), settings=self.settings).causes:
                if finding.severity != "error":
                    continue
                self._seen[finding.id] = self._seen.get(finding.id, 0) + 1
                if self._seen[finding.id] == 2 and finding.id not in self._told and not self.session.off():
                    self._told.add(finding.id)
                    print(line(finding, tick), file=sys.__stderr__, flush=True)
        except Exception:  # noqa: BLE001, S110 the verdict at the end tells everything; a look in between may fail
            pass
        finally:
            self._spent += time.thread_time() - began
            self._busy.release()
