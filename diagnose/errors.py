"""Errors that a person can act on: one line each, and the exit status that goes with it.

    DiagnoseError
    ├── UsageError   the command line or the settings ask for something that is not there
    └── RunError     a recorded run that cannot be found, read or written

Whatever is raised beside these is a fault of ours and keeps its traceback.
"""

import contextlib
import sys


class DiagnoseError(Exception):
    """Says in one line what was expected, what came, where, and what to do."""

    status = 1

    def __str__(self) -> str:
        return one_line(super().__str__())


class UsageError(DiagnoseError):
    """The command line or the settings ask for something that is not there or does not fit."""

    status = 2


class RunError(DiagnoseError):
    """A recorded run cannot be found, read or written."""


def one_line(text: str) -> str:
    """Fold line breaks and the indentation after them into single blanks."""
    return " ".join(text.split())


def tell(message: str) -> None:
    """Write one line of ours on stderr, and never fail.

    stderr may be missing, closed, full or replaced by the program under observation; stdout is never a substitute,
    for it belongs to the program.
    """
    stream = sys.stderr
    if stream is None:
        return
    with contextlib.suppress(OSError, ValueError, AttributeError):
        stream.write(f"diagnose: {one_line(message)}\n")
        stream.flush()
