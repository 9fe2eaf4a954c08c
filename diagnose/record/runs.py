"""Which runs there are: finding the latest, listing, removing old ones."""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

from diagnose.errors import RunError, UsageError
from diagnose.record.folder import HOME, stamped
from diagnose.record.opened import opened
from diagnose.record.state import read_facts, run_state

_RANK = re.compile(r"rank(\d+)\.sqlite")


def rank_files(folder: Path) -> dict[int, Path]:
    """The ranks' files of a run's folder."""
    try:
        names = os.listdir(folder)
    except PermissionError:
        raise RunError(f"expected a run, found the folder {str(folder)!r} without the permission to read it") from None
    except OSError as error:
        raise RunError(f"expected a run, but {str(folder)!r} cannot be read: {error.strerror or error}") from None
    found = {int(match[1]): folder / name for name in names if (match := _RANK.fullmatch(name))}
    return dict(sorted(found.items()))


def _home(place: Path) -> Path:
    return place if place.name == HOME else place / HOME


def list_runs(place: Path | None = None) -> list[Path]:
    """Folders of the runs recorded in a working folder (default: the current one), the latest first."""
    home = _home(place or Path.cwd())
    try:
        folders = [entry for entry in home.iterdir() if entry.is_dir()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"expected recorded runs, but {str(home)!r} cannot be read: {error.strerror or error}") from None
    dated = []
    for folder in folders:
        files = (
            [folder / name for name in os.listdir(folder) if _RANK.fullmatch(name)]
            if os.access(folder, os.R_OK)
            else []
        )
        if files:
            dated.append((*max(map(_began, files)), folder.name, folder))
    return [entry[-1] for entry in sorted(dated, reverse=True)]


def _began(file: Path) -> tuple[float, float]:
    """What orders runs: the second in the folder's name, then when the file was last written."""
    try:
        written = file.stat().st_mtime
    except OSError:
        written = 0.0
    return stamped(file.parent) or written, written


def find_run(path: str | os.PathLike[str] | None = None) -> Path:
    """A run's folder or one rank's file.

    Args:
        path: either of these as it is; a folder that holds runs, or a working folder in which some were recorded: the
            latest of them; None: the latest of the current folder.

    Raises:
        RunError: there is none.
    """
    place = Path.cwd() if path is None else Path(path)
    if path is not None and not place.is_dir():
        return place  # a file; whether it is a run's, its reader will say
    if rank_files(place):
        return place
    found = list_runs(place)
    if found:
        return found[0]
    if path is None:
        raise RunError(
            f"expected a run in {HOME}/ of {str(place)!r}, found none; record one with `diagnose run train.py`"
        )
    raise RunError(
        f"expected a run, found the folder {str(place)!r} without one; `diagnose runs` lists those that exist"
    )


def remove_runs(keep: int, place: Path | None = None) -> list[Path]:
    """Removes all but the latest `keep` runs of a working folder; those still being written stay.

    Returns:
        The folders removed.
    """
    if keep < 0:
        raise UsageError(f"expected --keep of 0 or more, found {keep}")
    removed = []
    for folder in list_runs(place)[keep:]:
        if any(map(_running, rank_files(folder).values())):
            continue
        try:
            shutil.rmtree(folder)
        except OSError as error:
            raise RunError(f"expected to remove {str(folder)!r}, but: {error.strerror or error}") from None
        removed.append(folder)
    return removed


def wait_for_ranks(folder: Path, seconds: float) -> bool:
    """Waits until every rank of a run has ended, by looking at their files; False when one still goes on after `seconds`."""
    until = time.monotonic() + seconds
    while any(map(_running, rank_files(folder).values())):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _running(file: Path) -> bool:
    try:
        with opened(file) as connection:
            return run_state(read_facts(connection), file) == "running"
    except RunError:
        return False
