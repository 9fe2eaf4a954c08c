"""Reads a run back: `load(path) -> Run`."""

from __future__ import annotations

import calendar
import json
import os
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from diagnose.errors import RunError
from diagnose.finding import BlindSpot
from diagnose.record.opened import opened
from diagnose.record.ranks import joined
from diagnose.record.runs import find_run, rank_files
from diagnose.record.samples import Samples
from diagnose.record.state import last_written, read_facts, run_state, telling_rank
from diagnose.record.trainings import read_trainings
from diagnose.run import Event, Run, Training

_COLUMNS = ("program", "arguments", "started", "state", "exit_status", "exception")


@dataclass(frozen=True)
class _Rank:
    """What one process recorded."""

    file: Path
    facts: dict[str, Any]
    state: str
    trainings: list[Training]
    events: list[Event]
    samples: list[Samples]
    blind_spots: list[BlindSpot]


def load(path: str | os.PathLike[str] | None = None) -> Run:
    """Reads a recorded run; what its ranks recorded is joined.

    Args:
        path: a run's folder, one rank's file, a folder with runs (the latest is taken), or None: the latest run in the
            working folder.

    Raises:
        RunError: it is not a run, or cannot be read; one line says why.
    """
    folder = find_run(path)
    files = rank_files(folder) if folder.is_dir() else {_number(folder): folder}
    ranks: dict[int, _Rank] = {}
    unread: list[BlindSpot] = []
    for number, file in files.items():
        try:
            ranks[number] = _read(file)
        except RunError as error:
            if len(files) == 1 or (not ranks and number == max(files)):
                raise
            unread.append(BlindSpot(f"rank {number}", str(error)))
    return _run(folder, ranks, files, unread)


def _number(file: Path) -> int:
    digits = file.stem.removeprefix("rank")
    return int(digits) if digits.isdigit() else 0


def _read(file: Path) -> _Rank:
    with opened(file) as connection:
        try:
            facts = read_facts(connection)
            trainings, events, samples = read_trainings(connection)
            return _Rank(file, facts, run_state(facts, file), trainings, events, samples, _blind_spots(connection))
        except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
            raise RunError(f"expected a whole run, found {str(file)!r} damaged ({error}); record it again") from error


def _run(folder: Path, ranks: dict[int, _Rank], files: dict[int, Path], unread: list[BlindSpot]) -> Run:
    first = min(ranks)
    facts = dict(ranks[first].facts)
    trainings = ranks[first].trainings
    blind: list[BlindSpot] = []
    if len(ranks) > 1:
        trainings, blind = joined(
            {number: rank.trainings for number, rank in ranks.items()},
            {number: rank.samples for number, rank in ranks.items()},
        )
    if len(files) > 1:
        facts["rank_files"] = {str(number): str(path) for number, path in files.items()}
        facts["rank_states"] = {str(number): rank.state for number, rank in ranks.items()}
    facts["rank"] = first
    state, exit_status, exception = _end(ranks)
    spots = [spot for rank in ranks.values() for spot in rank.blind_spots]
    return Run(
        path=str(folder),
        program=str(facts.get("program", "")),
        arguments=tuple(map(str, facts.get("arguments") or ())),
        started=str(facts.get("started", "")),
        seconds=max(_seconds(rank.facts, rank.file, rank.state) for rank in ranks.values()),
        state=state,
        exit_status=exit_status,
        exception=exception,
        ranks=max(len(files), int(facts.get("world") or 1)),
        trainings=tuple(trainings),
        facts={key: value for key, value in facts.items() if key not in _COLUMNS},
        events=tuple(ranks[first].events),
        blind_spots=tuple(dict.fromkeys([*spots, *blind, *unread])),
    )


def _end(ranks: dict[int, _Rank]) -> tuple[str, int | None, str | None]:
    """How the run ended, with its exit status and exception: as the first of its ranks that ended worst."""
    number = telling_rank({number: (rank.state, rank.facts) for number, rank in ranks.items()})
    facts = ranks[number].facts
    status, exception = facts.get("exit_status"), facts.get("exception")
    if exception is not None:
        everywhere = all(rank.facts.get("exception") == exception for rank in ranks.values())
        exception = str(exception) if everywhere else f"rank {number}: {exception}"
    return ranks[number].state, status if isinstance(status, int) else None, exception


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
