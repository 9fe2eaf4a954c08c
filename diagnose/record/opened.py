"""Opens a run's file for reading, or says in one line why it cannot be read."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from diagnose.errors import RunError
from diagnose.record.sink import VERSION

_TABLES = {
    "facts", "quantities", "streams", "items", "steps", "layouts", "vectors", "evaluations", "hashes", "events",
}  # fmt: skip


@contextmanager
def opened(file: Path) -> Iterator[sqlite3.Connection]:
    """A read-only connection to a rank's file, also while it is being written.

    Raises:
        RunError: missing, no permission, empty, not a run, damaged, or of a newer schema.
    """
    _check_file(file)
    try:
        connection = _connect(file)
    except sqlite3.Error as error:
        raise _error(file, error) from None
    try:
        yield connection
    except sqlite3.Error as error:
        raise _error(file, error) from None
    finally:
        connection.close()


def _check_file(file: Path) -> None:
    try:
        with open(file, "rb") as stream:
            head = stream.read(16)
    except FileNotFoundError:
        raise RunError(
            f"expected a run, found nothing at {str(file)!r}; `diagnose runs` lists those that exist"
        ) from None
    except PermissionError:
        raise RunError(f"expected a run, found {str(file)!r} without the permission to read it") from None
    except OSError as error:
        raise RunError(f"expected a run, but {str(file)!r} cannot be read: {error.strerror or error}") from None
    if not head:
        raise RunError(f"expected a run, found {str(file)!r} empty: it has only just begun, or nothing was recorded")
    if not head.startswith(b"SQLite format 3\0"[: len(head)]):
        raise RunError(f"expected a run written by diagnose, found another kind of file: {str(file)!r}")
    if len(head) < 16:
        raise RunError(f"expected a whole run, found {str(file)!r} damaged: it ends in its first line; record it again")


def _connect(file: Path) -> sqlite3.Connection:
    """Read-only; where the folder is read-only too and holds no log, as a file that nobody writes."""
    path = quote(str(file.absolute()))
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5.0, isolation_level=None)
    try:
        _check_schema(connection, file)
    except sqlite3.OperationalError:
        connection.close()
        if os.path.exists(f"{file}-wal") and os.path.getsize(f"{file}-wal"):
            raise
        connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True, isolation_level=None)
        try:
            _check_schema(connection, file)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        connection.close()
        raise
    return connection


def _check_schema(connection: sqlite3.Connection, file: Path) -> None:
    connection.execute("PRAGMA trusted_schema = off")
    connection.execute("PRAGMA query_only = on")
    connection.execute("BEGIN")  # one state of the file for all that is read
    names = dict(connection.execute("SELECT name, type FROM sqlite_master").fetchall())
    if names.get("schema") != "table":
        if not names:
            raise RunError(
                f"expected a run, found {str(file)!r} without a table: it has only just begun, or was cut off"
            )
        raise RunError(f"expected a run written by diagnose, found another database: {str(file)!r}")
    row = connection.execute("SELECT version FROM schema").fetchone()
    version = row[0] if row else None
    if version != VERSION:
        newer = isinstance(version, int) and version > VERSION
        remedy = "upgrade diagnose" if newer else "record it again"
        raise RunError(f"expected a run of schema {VERSION}, found schema {version!r} in {str(file)!r}; {remedy}")
    missing = sorted(name for name in _TABLES if names.get(name) != "table")
    if missing:
        raise RunError(f"expected a whole run, found {str(file)!r} without {', '.join(missing)}; record it again")


def _error(file: Path, error: sqlite3.Error) -> RunError:
    text = str(error)
    if "locked" in text or "busy" in text:
        return RunError(f"expected to read {str(file)!r}, but another process holds it; try again in a moment")
    if "unable to open" in text or "readonly" in text:
        return RunError(f"expected to read {str(file)!r}, but it or its folder cannot be opened ({text})")
    if "no such column" in text:
        return RunError(f"expected a run written by diagnose, found {str(file)!r} with other columns ({text})")
    return RunError(f"expected a whole run, found {str(file)!r} damaged ({text}); record it again")
