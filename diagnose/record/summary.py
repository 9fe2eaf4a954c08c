"""A run in one line: what a list of runs shows, without reading the run's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from diagnose.errors import RunError
from diagnose.record.opened import opened
from diagnose.record.runs import rank_files
from diagnose.record.state import read_facts, run_state, telling_rank


@dataclass(frozen=True)
class Summary:
    """A run as a list shows it; `error` says why it cannot be read, and then the rest is empty."""

    folder: Path
    program: str = ""
    started: str = ""  # ISO 8601, UTC
    state: str = ""
    steps: int = 0
    ranks: int = 1
    verdict: str = ""  # as the program's end was told, where it was kept with the run
    error: str = ""


def summarise(folder: Path) -> Summary:
    """The summary of a run's folder."""
    try:
        files = rank_files(folder)
        with opened(files[min(files)]) as connection:
            facts = read_facts(connection)
            steps = connection.execute("SELECT count(DISTINCT tick) FROM steps").fetchone()[0]
        verdict = facts.get("verdict")
        text = verdict.get("text", "") if isinstance(verdict, Mapping) else verdict or ""
        program = " ".join(map(str, [facts.get("program", ""), *facts.get("arguments", ())]))
        state = _state(files)
        return Summary(folder, program, str(facts.get("started", "")), state, steps, len(files), str(text))
    except RunError as error:
        return Summary(folder, error=str(error))
    except (ValueError, TypeError) as error:
        return Summary(folder, error=f"damaged ({error})")


def _state(files: Mapping[int, Path]) -> str:
    ends = {}
    for rank, file in files.items():
        try:
            with opened(file) as connection:
                facts = read_facts(connection)
        except RunError:
            if rank == min(files):
                raise
            continue  # one rank's damaged file does not hide the others
        ends[rank] = run_state(facts, file), facts
    return ends[telling_rank(ends)][0]
