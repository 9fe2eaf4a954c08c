"""The line of the user's program that a finding points to."""

from __future__ import annotations

import os
import stat
import tokenize
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from diagnose.finding import Source

if TYPE_CHECKING:
    from diagnose.run import Run

LARGEST = 4_000_000  # bytes; a longer file is no source that a person wrote


def location(source: Source, run: Run) -> str:
    """`file:line` as an editor or a terminal opens it from the current folder."""
    path = _path(source, run)
    try:
        shown = os.path.relpath(path)
    except (OSError, ValueError):  # the current folder was deleted; another drive
        shown = str(path)
    return f"{path if shown.startswith('..') else shown}:{source.line}"


def lines(source: Source, run: Run, around: int = 0) -> dict[int, str]:
    """The source line by number, and `around` lines before and after it.

    Empty where the file can not be read, was kept out by --no-source, or was edited after the run began: a wrong
    line is worse than none.
    """
    if run.facts.get("source") is False:
        return {}
    path = _path(source, run)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST or _edited(status.st_mtime, run.started):
            return {}
        with tokenize.open(path) as file:
            text = file.read().splitlines()
    except (OSError, SyntaxError, ValueError):  # unreadable, unknown encoding, not text
        return {}
    first, last = max(1, source.line - around), min(len(text), source.line + around)
    return {number: text[number - 1].expandtabs(4) for number in range(first, last + 1)}


def _path(source: Source, run: Run) -> Path:
    return Path(run.facts.get("cwd") or "", source.file)


def _edited(modified: float, started: str) -> bool:
    try:
        return modified > datetime.fromisoformat(started).timestamp() + 2  # the start is a whole second
    except ValueError:  # the start is unknown
        return False
