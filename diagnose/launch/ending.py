"""How the program ended, and our last words after all of its own."""

import atexit
import contextlib
import dataclasses
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from diagnose.errors import DiagnoseError, one_line, tell
from diagnose.launch.imported import Imports

_MISSING: Any = object()
_LONGEST = 500  # characters kept of an exception's text; some carry whole tensors


@dataclass(frozen=True)
class End:
    """How the program ended.

    Args:
        state: "finished" with status 0, "failed" with any other or by an exception, "interrupted" by Ctrl-C.
        exit_status: as the shell sees it, 0 to 255 (130 for Ctrl-C); None if the main module never came to its end.
        exception: one line such as "ValueError: expected 3 channels"; None if there was none.
    """

    state: Literal["finished", "failed", "interrupted"]
    exit_status: int | None
    exception: str | None


def end_of(error: BaseException | None) -> End:
    """What an exception that leaves the main module means (None: it came to its last line)."""
    if error is None:
        return End("finished", 0, None)
    if isinstance(error, KeyboardInterrupt):
        return End("interrupted", 130, "KeyboardInterrupt")
    if not isinstance(error, SystemExit):
        return End("failed", 1, _described(error))
    status = exit_status(error)
    said = None if error.code is None or isinstance(error.code, int) else _described(error)
    return End("finished" if status == 0 else "failed", status, said)


def exit_status(exit: SystemExit) -> int:
    """The status that python makes of a SystemExit: none is 0, a number its last eight bits, anything else is 1."""
    if exit.code is None:
        return 0
    return exit.code & 0xFF if isinstance(exit.code, int) else 1


class Ending:
    """Keeps the last known end and calls back once, after the program's own atexit handlers.

    Handlers run in reverse order: this one is registered before the program has a chance to. Non-daemon threads
    have then finished too. Forked children inherit the handler; there it does nothing.
    """

    def __init__(self, on_end: Callable[[End], int | None], imports: Imports) -> None:
        self.end = End("failed", None, None)
        self._imports = imports
        self._on_end = on_end
        self._process = os.getpid()
        self._forgotten = False
        atexit.register(self._last)

    @property
    def in_child(self) -> bool:
        """Whether this is a forked child of the process that was started."""
        return os.getpid() != self._process

    def leaves(self, error: BaseException, program: TracebackType | None) -> None:
        """Note the exception that is about to reach the interpreter, and have it displayed as python would.

        Only the display needs us: `program` is its traceback without the frames below the program's. The rest is the
        interpreter's work: exit status, `sys.last_value`, death by SIGINT. `sys.excepthook` is replaced only now, when
        nobody but the interpreter is left to call it, and restored as soon as it is called.
        """
        self.end = end_of(error)
        if self.end.state == "interrupted":
            sys.addaudithook(self._notice_forgetting)
        hook = getattr(sys, "excepthook", _MISSING)

        def excepthook(kind: type[BaseException], value: BaseException, trace: TracebackType | None) -> None:
            if hook is _MISSING:
                del sys.excepthook
                sys.stderr.write("sys.excepthook is missing\n")
            else:
                sys.excepthook = hook
            if value is error:
                trace = sys.last_traceback = value.__traceback__ = program
            try:
                (sys.__excepthook__ if hook is _MISSING else hook)(kind, value, trace)
            except SystemExit as exit:
                self.end = dataclasses.replace(self.end, exit_status=exit_status(exit))
                raise
            except BaseException as second:  # noqa: BLE001 (as the interpreter does)
                # the interpreter's own words for a failing hook, whose traceback would begin with this frame
                behind = second.__traceback__.tb_next if second.__traceback__ else None
                second.__traceback__ = behind
                sys.stderr.write("Error in sys.excepthook:\n")
                sys.__excepthook__(type(second), second, behind)
                sys.stderr.write("\nOriginal exception was:\n")
                sys.__excepthook__(kind, value, trace)

        sys.excepthook = excepthook

    def _notice_forgetting(self, event: str, args: tuple[Any, ...]) -> None:
        """Audit hook: the program's own ending may execute a string, after which the interpreter forgets a Ctrl-C.

        Every named tuple and dataclass that is defined does; torch's own atexit handler imports `tabulate`, where it is
        installed, which defines some.
        """
        if event == "exec" and getattr(args[0], "co_filename", None) == "<string>":
            self._forgotten = True

    def _last(self) -> None:
        if self.in_child:
            return
        # what the program printed comes before what we print, where both go to one place
        flushed, forgotten = _flush(), self._forgotten
        status = None
        try:
            with self._imports.ours(), _own_stderr():
                status = self._on_end(self.end)
        except KeyboardInterrupt:
            tell("interrupted: the report is not complete; the run is kept")
        except DiagnoseError as error:
            tell(str(error))
        if self.end.state == "interrupted":
            _remember(interrupted=not forgotten)
        if status and self.end.exit_status == 0 and flushed and _flush():
            os._exit(status)  # an atexit handler has no other way to set the status


def _described(error: BaseException) -> str:
    kind = type(error)
    name = (
        kind.__qualname__ if kind.__module__ in ("builtins", "__main__") else f"{kind.__module__}.{kind.__qualname__}"
    )
    try:
        text = one_line(str(error))
    except Exception:  # noqa: BLE001 (a program's own __str__)
        text = "<exception str() failed>"
    return f"{name}: {text}"[:_LONGEST] if text else name


def _remember(*, interrupted: bool) -> None:
    """Have the interpreter die by SIGINT, or end with status 1, as it would have without the report's imports.

    Whenever a string is executed it forgets an unhandled Ctrl-C, or remembers one that leaves the string.
    """
    with contextlib.suppress(KeyboardInterrupt):
        exec("raise KeyboardInterrupt" if interrupted else "")  # noqa: S102


def _flush() -> bool:
    """Flush the process's own streams; False if one is broken, which the interpreter will then tell in its own way."""
    for stream in (sys.__stdout__, sys.__stderr__):
        try:
            if stream is not None and not stream.closed:
                stream.flush()
        except (OSError, ValueError):
            return False
    return True


@contextlib.contextmanager
def _own_stderr() -> Iterator[None]:
    """The process's own stderr, whatever the program put in its place; a bottomless one if it has none."""
    replaced, own = sys.stderr, sys.__stderr__
    with contextlib.ExitStack() as stack:
        if own is None or own.closed:
            own = stack.enter_context(open(os.devnull, "w", encoding="utf-8"))
        sys.stderr = own
        try:
            yield
        finally:
            sys.stderr = replaced
