"""Facts of a run, and whether it is over."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from diagnose.record.folder import process_started

_WORST = ("failed", "interrupted", "running", "killed", "finished", "nothing-observed")  # one rank's tells of the run
FRESH = 30.0  # seconds since the last write within which a run on another machine counts as running


def read_facts(connection: sqlite3.Connection) -> dict[str, Any]:
    """The facts of a run."""
    return {key: json.loads(value) for key, value in connection.execute("SELECT key, value FROM facts")}


def run_state(facts: dict[str, Any], file: Path) -> str:
    """The state that was written at the end; without one, running while its process lives, else killed."""
    state = facts.get("state")
    if state is not None:
        return str(state)
    pid = facts.get("pid")
    if facts.get("host") == platform.node() and isinstance(pid, int):
        return "running" if _alive(pid, facts.get("pid_started")) else "killed"
    return "running" if time.time() - last_written(file) < FRESH else "killed"


def telling_rank(ranks: Mapping[int, tuple[str, Mapping[str, Any]]]) -> int:
    """Which rank's end is the run's: the first of those that ended worst.

    Args:
        ranks: the state and the facts of each.
    """

    def order(rank: int) -> tuple[int, float, int]:
        state, facts = ranks[rank]
        ended = facts.get("ended_at")
        when = float(ended) if isinstance(ended, (int, float)) else float("inf")
        return (_WORST.index(state) if state in _WORST else len(_WORST)), when, rank

    return min(ranks, key=order)


def _alive(pid: int, started: object) -> bool:
    now = process_started(pid)
    if now is not None:
        return started is None or now == started
    if os.path.isdir("/proc/self"):  # the system tells of processes, and this one is gone
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def last_written(file: Path) -> float:
    """When the file or its log was last written, in seconds since 1970."""
    times = []
    for name in (file, f"{file}-wal"):
        try:
            times.append(os.stat(name).st_mtime)
        except OSError:
            continue
    return max(times, default=0.0)
