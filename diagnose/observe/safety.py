"""Nothing of ours reaches the program: an error is told once and kept, and its part is switched off."""

from __future__ import annotations

import os
import sys
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any

import torch

from diagnose.observe.probes import all_probes

if TYPE_CHECKING:
    from diagnose.observe.session import Session


class Guard:
    """Times what is inside and ends its errors."""

    __slots__ = ("safety", "started", "what")

    def __init__(self, safety: Safety, what: str) -> None:
        self.safety = safety
        self.what = what

    def __enter__(self) -> None:
        self.started = self.safety.session.schedule.starts()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        try:
            if isinstance(error, Exception):
                self.safety.failed(self.what, error)
                return True
            return False
        finally:
            self.safety.session.schedule.ends(self.started)


class Safety:
    """Runs what is ours: guarded, timed, and off for good once it has failed."""

    def __init__(self, session: Session, *, strict: bool) -> None:
        self.session = session
        self.strict = strict  # errors are raised: for tests
        self.broken = False
        self.reading = False  # what a probe calls of torch is not the program's doing
        self._off: set[str] = set()
        self._blind: set[str] = set()

    def is_off(self, what: str) -> bool:
        """Whether a part has failed."""
        return what in self._off

    def guard(self, what: str) -> Guard:
        """`with guard("losses"):` runs a part of ours, timed; its errors end here."""
        return Guard(self, what)

    def failed(self, what: str, error: Exception) -> None:
        """Tells once that a part of ours failed."""
        if self.strict:
            raise error
        if what not in self._off:
            self._off.add(what)
            text = f"{type(error).__name__}: {error}".splitlines()[0][:300]
            place = traceback.extract_tb(error.__traceback__)[-1]
            line = f"{os.path.basename(place.filename)}:{place.lineno}"
            self.session.writer.event(self.session.tick, None, "probe-failed", what, probe=what, error=text, line=line)
            if what not in all_probes():  # not one reading but the bookkeeping itself: nothing after it can be trusted
                self.broken = True
                self.session.calls.unhook_all()
            print(f"diagnose: the probe {what} failed and is off from here on ({text})", file=sys.stderr)

    def read(self, name: str, *args: Any, part: str = "read") -> Any:
        """What a probe (or one part of it: `measure`, `gather`) gives; None when it has failed or is switched off."""
        if name in self._off:
            return None
        probe = all_probes().get(name)
        if probe is None:
            return None
        self.reading, tracked = True, torch.is_grad_enabled()
        torch._C._set_grad_enabled(False)  # `Untracked` without its calls: this runs for every layer
        try:
            return getattr(probe, part)(*args)
        except Exception as error:  # noqa: BLE001 nothing of ours reaches the program
            self.failed(name, error)
            return None
        finally:
            torch._C._set_grad_enabled(tracked)
            self.reading = False

    def blind(self, place: str, message: str) -> None:
        """A place that cannot be observed, noted once."""
        if place not in self._blind:
            self._blind.add(place)
            self.session.writer.event(None, None, "blind-spot", place, message=message)
