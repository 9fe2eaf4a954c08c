"""Reads a run back: `load(path) -> Run`."""

from __future__ import annotations

import calendar
import json
import os
import sqlite3
import time
from pathlib import Path
from typing import Any

from diagnose.finding import BlindSpot
from diagnose.record.opened import RunError, opened
from diagnose.record.runs import find_run, rank_files
from diagnose.record.state import last_written, read_facts, run_state
from diagnose.record.trainings import read_trainings
from diagnose.run import Run

_COLUMNS = ("program", "arguments", "started", "state", "exit_status", "exception")


def load(path: str | os.PathLike[str] | None = None) -> Run:
    """Reads a recorded run.

    Args:
        path: a run's folder, one rank's file, a folder with runs (the latest is taken), or None: the latest run in the
            working folder.

    Raises:
        RunError: it is not a run, or cannot be read; one line says why.
    """
    folder = find_run(path)
    files = rank_files(folder) if folder.is_dir() else {_rank(folder): folder}
    rank, file = min(files.items())
    with opened(file) as connection:
        try:
            return _run(connection, folder, file, rank, files)
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            raise RunError(f"expected a whole run, found {str(file)!r} damaged ({error}); record it again") from error


def _rank(file: Path) -> int:
    digits = file.stem.removeprefix("rank")
    return int(digits) if digits.isdigit() else 0


def _run(connection: sqlite3.Connection, folder: Path, file: Path, rank: int, files: dict[int, Path]) -> Run:
    facts = read_facts(connection)
    trainings, events = read_trainings(connection)
    state = run_state(facts, file)
    if len(files) > 1:
        facts["rank_files"] = {str(number): str(path) for number, path in files.items()}
    facts["rank"] = rank
    exit_status = facts.get("exit_status")
    return Run(
        path=str(folder),
        program=str(facts.get("program", "")),
        arguments=tuple(map(str, facts.get("arguments") or ())),
        started=str(facts.get("started", "")),
        seconds=_seconds(facts, file, state),
        state=state,
        exit_status=exit_status if isinstance(exit_status, int) else None,
        exception=None if facts.get("exception") is None else str(facts["exception"]),
        ranks=max(len(files), int(facts.get("world") or 1)),
        trainings=tuple(trainings),
        facts={key: value for key, value in facts.items() if key not in _COLUMNS},
        events=tuple(events),
        blind_spots=tuple(_blind_spots(connection)),
    )


def _blind_spots(connection: sqlite3.Connection) -> list[BlindSpot]:
    rows = connection.execute("SELECT place, details FROM events WHERE kind = 'blind-spot' ORDER BY rowid")
    found = [BlindSpot(str(place or ""), str(json.loads(details).get("message", ""))) for place, details in rows]
    return list(dict.fromkeys(found))


def _seconds(facts: dict[str, Any], file: Path, state: str) -> float:
    began = facts.get("started_at")
    if not isinstance(began, (int, float)):
        try:
            began = calendar.timegm(time.strptime(str(facts.get("started")), "%Y-%m-%dT%H:%M:%SZ"))
        except ValueError:
            return 0.0
    ended = facts.get("ended_at")
    if not isinstance(ended, (int, float)):
        ended = time.time() if state == "running" else last_written(file)
    return max(0.0, float(ended) - float(began))
