"""The SQLite side of the writer: used by its thread alone."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from diagnose.record.folder import on_network

VERSION = 1  # of schema.sql
PATIENCE = 30.0  # seconds that a locked file is tried again

Row = tuple[Any, ...]
_PLAIN = {
    "fact": "INSERT INTO facts VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    "stream": "INSERT INTO streams VALUES (?, ?) ON CONFLICT (stream) DO UPDATE SET facts = excluded.facts",
    "item": "INSERT INTO items VALUES (?, ?, ?, ?, ?) ON CONFLICT (stream, kind, key) "
    "DO UPDATE SET position = excluded.position, value = excluded.value",
    "quantity": "INSERT INTO quantities VALUES (?, ?, ?) ON CONFLICT (name) "
    "DO UPDATE SET over = excluded.over, unit = excluded.unit",
    "layout": "INSERT INTO layouts VALUES (?, ?, ?, ?)",
    "vector": "INSERT INTO vectors VALUES (?, ?, ?, ?, ?)",
    "hashes": "INSERT INTO hashes VALUES (?, ?, ?, ?)",
    "event": "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
    "array": "INSERT INTO arrays VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (stream, owner, name) "
    "DO UPDATE SET dtype = excluded.dtype, shape = excluded.shape, data = excluded.data",
}
_WIDE = {"step": ("steps", ("tick", "stream")), "evaluation": ("evaluations", ("tick", "stream", "set_id"))}


class Sink:
    """One file. `open` and `commit` return None, or the reason in one line why nothing more can be written."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._connection: sqlite3.Connection | None = None
        self._columns: dict[str, list[str]] = {}
        self._identity: tuple[int, int] | None = None

    def open(self, facts: Sequence[Row]) -> str | None:
        """Makes the file with its schema and the first facts: whoever finds the one finds the other."""
        try:
            connection = sqlite3.connect(self.file, timeout=1.0, isolation_level=None)
            self._connection = connection
            mode = "truncate" if on_network(self.file.parent) else "wal"
            if not _journal(connection, mode):
                mode = "truncate"
                _journal(connection, mode)
            connection.execute("PRAGMA synchronous = normal")
            schema = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
            connection.executescript(f"BEGIN IMMEDIATE;\n{schema}\nINSERT INTO schema VALUES ({VERSION});")
            rows = [("journal", f'"{mode}"'), *(fact[1:] for fact in facts)]
            connection.executemany(_PLAIN["fact"], rows)
            connection.execute("COMMIT")
            for table, _ in _WIDE.values():
                self._columns[table] = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
            status = os.stat(self.file)
            self._identity = (status.st_dev, status.st_ino)
        except Exception as error:  # noqa: BLE001  (as in commit)
            return self._reason(error)
        return None

    def commit(self, batch: Sequence[Row]) -> str | None:
        """Writes a batch in one transaction; tries again for a while when another process holds the file."""
        if not batch:
            return None
        until = time.monotonic() + PATIENCE
        while True:
            reason = self._missing()
            if reason is not None:
                return reason
            try:
                self._transact(batch)
                return None
            except sqlite3.OperationalError as error:
                self._rollback()
                if not _locked(error) or time.monotonic() > until:
                    return self._reason(error)
                time.sleep(0.05)
            except Exception as error:  # noqa: BLE001  whatever it is, the record ends and the program goes on
                self._rollback()
                return self._reason(error)

    def rescue(self, batch: Sequence[Row]) -> None:
        """After a stop: tries once to write the end of the run, in silence."""
        if self._connection is None or self._missing() is not None:
            return
        try:
            self._transact(batch)
        except Exception:  # noqa: BLE001  there is nobody left to tell
            self._rollback()

    def close(self) -> None:
        """Folds the write-ahead log into the file, so that one file holds the run."""
        if self._connection is None:
            return
        try:
            if self._missing() is None:
                self._connection.execute("PRAGMA busy_timeout = 200")
                self._connection.execute("PRAGMA journal_mode = delete").fetchall()
        except sqlite3.Error:
            pass  # a reader is on the file, or the disk is full: file and log are complete together
        try:
            self._connection.close()
        except sqlite3.Error:
            pass
        self._connection = None

    def _transact(self, batch: Sequence[Row]) -> None:
        connection = self._connection
        assert connection is not None
        plain: dict[str, list[Row]] = defaultdict(list)
        wide: dict[str, list[Row]] = defaultdict(list)
        for row in batch:
            if row[0] in _PLAIN:
                plain[row[0]].append(row[1:])
            elif row[0] in _WIDE:
                wide[row[0]].append(row[1:])
        connection.execute("BEGIN IMMEDIATE")
        for kind, rows in plain.items():
            _insert(connection, _PLAIN[kind], rows)
        for kind, rows in wide.items():
            table, keys = _WIDE[kind]
            self._widen(table, rows)
            columns = self._columns[table][len(keys) :]
            names = ", ".join(f'"{name}"' for name in (*keys, *columns))
            marks = ", ".join("?" * (len(keys) + len(columns)))
            full = [(*row[:-1], *map(row[-1].get, columns)) for row in rows]
            _insert(connection, f"INSERT INTO {table} ({names}) VALUES ({marks})", full)
        connection.execute("COMMIT")

    def _widen(self, table: str, rows: Sequence[Row]) -> None:
        """Adds the columns that rows bring and the table lacks."""
        known = self._columns[table]
        new = {name: None for row in rows for name in row[-1] if name not in known}
        for name in new:
            if not name.isidentifier():
                raise ValueError(f"{name!r} cannot be the name of a column")
            assert self._connection is not None
            present = {row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")}
            if name not in present:  # a rolled-back batch may have left our list ahead or behind
                self._connection.execute(f'ALTER TABLE {table} ADD COLUMN "{name}"')
        if new:
            self._columns[table] = [row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")]  # type: ignore[union-attr]

    def _rollback(self) -> None:
        try:
            if self._connection is not None and self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if self._connection is not None:
                for table, _ in _WIDE.values():
                    self._columns[table] = [row[1] for row in self._connection.execute(f"PRAGMA table_info({table})")]
        except sqlite3.Error:
            pass  # the next statement will say what is wrong

    def _missing(self) -> str | None:
        """Whether somebody deleted or replaced the file: writing on would go nowhere."""
        try:
            status = os.stat(self.file)
        except OSError:
            return f"{self.file} was deleted"
        if self._identity is not None and (status.st_dev, status.st_ino) != self._identity:
            return f"{self.file} was replaced"
        return None

    def _reason(self, error: Exception) -> str:
        text = str(error)
        if "full" in text or "disk I/O" in text:
            return f"{self.file} cannot grow ({text}): free some space"
        if "readonly" in text or "unable to open" in text:
            return f"{self.file} cannot be written ({text})"
        if "locked" in text:
            return f"{self.file} was locked by another process for {PATIENCE:.0f} s"
        return f"{self.file}: {text}"


def _journal(connection: sqlite3.Connection, mode: str) -> bool:
    try:
        row = connection.execute(f"PRAGMA journal_mode = {mode}").fetchone()
    except sqlite3.OperationalError:
        return False
    return row is not None and row[0] == mode


def _locked(error: sqlite3.OperationalError) -> bool:
    return "locked" in str(error) or "busy" in str(error)


def _insert(connection: sqlite3.Connection, statement: str, rows: list[Row]) -> None:
    """Inserts rows; a value that SQLite does not know (a number of some library) is turned into a plain one."""
    connection.execute("SAVEPOINT rows")
    try:
        connection.executemany(statement, rows)
    except (sqlite3.InterfaceError, sqlite3.ProgrammingError, OverflowError):
        connection.execute("ROLLBACK TO rows")
        connection.executemany(statement, [tuple(map(_plain, row)) for row in rows])
    connection.execute("RELEASE rows")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, bytes, float)):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return str(value)
