"""`diagnose runs`: what has been recorded in the current folder."""

from __future__ import annotations

import calendar
import os
import shutil
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from diagnose.record.summary import Summary

_HEAD = ("STARTED", "STATE", "STEPS", "PROGRAM", "RUN", "VERDICT")
_WIDEST_PROGRAM = 40


@click.command(short_help="List the recorded runs, or remove old ones.")
@click.option("--keep", type=click.IntRange(min=0), metavar="N", help="Remove all but the latest N runs first.")
def runs(keep: int | None) -> None:
    """List the runs recorded in the current folder, the latest first.

    A run that is still being written is never removed.
    """
    from diagnose.record.runs import list_runs, remove_runs
    from diagnose.record.summary import summarise

    if keep is not None:
        removed = remove_runs(keep)
        click.echo(f"removed {len(removed)} run{'' if len(removed) == 1 else 's'}", err=True)
    found = [summarise(folder) for folder in list_runs()]
    if not found:
        click.echo("no runs here; record one with `diagnose run train.py`", err=True)
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for line in _table([_row(run) for run in found], width):
        click.echo(line)


def _row(run: Summary) -> tuple[str, ...]:
    path = os.path.join(run.folder.parent.name, run.folder.name)
    if run.error:
        return ("", "unreadable", "", "", path, run.error)
    program = run.program if len(run.program) <= _WIDEST_PROGRAM else f"{run.program[: _WIDEST_PROGRAM - 1]}…"
    state = run.state if run.ranks == 1 else f"{run.state}, {run.ranks} ranks"
    return (_local(run.started), state, str(run.steps), program, path, run.verdict or _verdict(run))


def _verdict(run: Summary) -> str:
    """The verdict by the rules of today: judging a stored run takes milliseconds."""
    from diagnose.errors import RunError
    from diagnose.judge import judge
    from diagnose.record.reader import load
    from diagnose.report.words import verdict

    try:
        return verdict(judge(load(run.folder)))
    except RunError:  # readable enough for a line, not for a judgement
        return ""


def _local(started: str) -> str:
    """The local time of an ISO 8601 time in UTC."""
    try:
        seconds = calendar.timegm(time.strptime(started, "%Y-%m-%dT%H:%M:%SZ"))
    except ValueError:
        return started
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _table(rows: Sequence[tuple[str, ...]], width: int | None) -> list[str]:
    """Rows under a head, columns aligned, lines cut to the terminal's width; control characters become `?`."""
    clean = [tuple("".join(c if c.isprintable() else "?" for c in cell) for cell in row) for row in (_HEAD, *rows)]
    widths = [max(len(row[i]) for row in clean) for i in range(len(_HEAD))]
    lines = []
    for row in clean:
        cells = [
            cell.rjust(w) if i == 2 else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip()[:width])
    return lines
