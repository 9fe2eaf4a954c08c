"""Writes a run while the program goes on: calls append to a queue, one daemon thread commits. Standard library only."""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from diagnose.record.folder import make_folder, process_started
from diagnose.record.redaction import redact
from diagnose.record.sink import Sink

INTERVAL = 0.25  # seconds between commits: a killed process loses no more than this and one commit
WAITING_ROWS = 200_000  # queued and not yet on disk (about 100 MB); beyond, rows are dropped and counted
WAITING_BYTES = 256 * 2**20
NAN = "nan"  # a loss that was NaN: SQLite would make it NULL, which means "not measured"

_alive: weakref.WeakSet[Writer] = weakref.WeakSet()


def _json(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if _storable(text) else json.dumps(value, default=str)


def _storable(text: str) -> bool:
    """Whether a text can be stored as it is: half a surrogate pair, as in a file name of other bytes, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(text: str) -> str:
    return text if _storable(text) else text.encode("utf-8", "backslashreplace").decode()


class Writer:
    """A run being recorded. Every call is thread-safe, costs microseconds and never raises because of the disk.

    When the disk is full, the folder deleted, the file locked or read-only, recording stops, `stopped` holds the reason
    in one line, and all further calls do nothing. In a forked child all calls do nothing.
    """

    def __init__(self, path: Path, file: Path, stopped: str | None = None) -> None:
        self.path = path  # the run's folder
        self.file = file
        self.stopped: str | None = stopped
        self.seconds = 0.0  # of processor time that the thread has used
        self.lost = 0  # rows dropped because the disk was too slow
        self._queue: deque[tuple[Any, ...]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()
        self._streams: dict[int, dict[str, Any]] = {}
        self._items: dict[tuple[int, str], dict[str, tuple[int, dict[str, Any]]]] = {}
        self._layouts: dict[tuple[str, tuple[str, ...], tuple[int, ...] | None], int] = {}
        self._wake = threading.Event()
        self._written = threading.Event()
        self._closing = False
        self._thread: threading.Thread | None = None

    @classmethod
    def create(
        cls,
        root: Path,
        program: str,
        arguments: Sequence[str],
        *,
        rank: int = 0,
        world: int = 1,
        facts: Mapping[str, Any] | None = None,
    ) -> Writer:
        """Makes `root/.diagnose/<program>-<start>-<pid>/rank<rank>.sqlite` and starts the thread that writes.

        Secrets among the arguments are hidden before anything is stored. Where the folder cannot be made, a writer
        that has already stopped comes back.
        """
        started = time.time()
        try:
            folder = make_folder(Path(root), program, started, rank, world)
        except OSError as error:
            place = Path(root) / ".diagnose"
            return cls(place, place, f"recording stopped: {place} cannot be written ({error.strerror or error})")
        writer = cls(folder, folder / f"rank{rank}.sqlite")
        shown, redactions = redact(arguments)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(started))
        own: dict[str, Any] = {
            "program": program, "arguments": shown, "started": f"{stamp}Z", "started_at": started,
            "rank": rank, "world": world, "pid": os.getpid(), "pid_started": process_started(os.getpid()),
            "host": platform.node(),
        }  # fmt: skip
        if redactions:
            own["redactions"] = redactions
        writer._start([("fact", key, _json(value)) for key, value in {**own, **(facts or {})}.items()])
        _alive.add(writer)
        return writer

    def _start(self, first: Sequence[tuple[Any, ...]]) -> None:
        self._thread = threading.Thread(target=_write, args=(self, first), name="diagnose-writer", daemon=True)
        self._thread.start()

    def _put(self, row: tuple[Any, ...]) -> None:
        if self.stopped is None:
            if len(self._queue) < WAITING_ROWS:
                self._queue.append(row)
            else:
                self.lost += 1

    def fact(self, key: str, value: Any) -> None:
        """Sets a fact of the run; the last value holds."""
        self._put(("fact", key, _json(value)))

    def stream(self, stream: int, **facts: Any) -> None:
        """Adds facts to a stream (an optimizer); the last value of each holds."""
        if self.stopped is None:
            with self._lock:
                known = self._streams.setdefault(stream, {})
                known.update(facts)
                text = _json(known)
            self._put(("stream", stream, text))

    def items(self, stream: int, kind: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Adds or amends parts of a stream: layer, parameter, edge, loss, input, evaluation.

        Each mapping is known by its "path", "id" or "place" (an edge: by "source" and "target"); entries given again
        replace those of the same name, others stay. Order is "position", else that of first appearance.
        """
        if self.stopped is not None:
            return
        with self._lock:
            known = self._items.setdefault((stream, kind), {})
            for item in items:
                key = _item_key(kind, item)
                position, value = known.get(key) or (len(known), {})
                was, value = value, {**value, **item}
                position = int(value.get("position", position))
                if was == value and key in known:
                    continue
                known[key] = (position, value)
                self._put(("item", stream, kind, key, position, _json(value)))

    def step(self, tick: int, stream: int, **columns: float | None) -> None:
        """One optimizer step; columns are those of the table of steps, or new ones."""
        if self.stopped is None:
            if len(self._queue) < WAITING_ROWS:
                if columns.get("loss") != columns.get("loss"):
                    columns["loss"] = NAN  # type: ignore[assignment]
                self._queue.append(("step", tick, stream, columns))
            else:
                self.lost += 1

    def vector(self, tick: int, stream: int, quantity: str, layout: int, data: bytes) -> None:
        """A quantity at all places of a layout: float32, little-endian, raw."""
        self.vectors(tick, stream, [(quantity, layout, data)])

    def vectors(self, tick: int, stream: int, rows: Sequence[tuple[str, int, bytes]]) -> None:
        """Several quantities of one step: (quantity, layout, data)."""
        if self.stopped is not None:
            return
        if self._bytes > WAITING_BYTES or len(self._queue) + len(rows) > WAITING_ROWS:
            self.lost += len(rows)
            return
        self._bytes += sum(len(data) for _, _, data in rows)
        self._queue.extend([vector_row(tick, stream, *row) for row in rows])

    def later(self, rows: Callable[[list[Any]], Iterable[tuple[Any, ...]]], one: Any, size: int) -> None:
        """Rows that the writing thread makes itself, once it comes to them; what they are made of takes `size` bytes until then.

        It comes to many at a time, and `rows` is given all that wait for it: the same arithmetic between two steps of a program,
        whose data and code have taken its place in the caches, takes many times as long. `vector_row` gives the row of a vector.
        """
        if self.stopped is not None:
            return
        if self._bytes > WAITING_BYTES or len(self._queue) >= WAITING_ROWS:
            self.lost += 1
            return
        self._bytes += size
        self._queue.append(("later", rows, one))

    def layout(self, over: str, places: Sequence[str], sizes: Sequence[int] | None = None) -> int:
        """The number of a layout: places in order, how many elements each has (None: one). Asked again: the same."""
        key = (over, tuple(places), None if sizes is None else tuple(sizes))
        number = self._layouts.get(key)
        if number is None:
            with self._lock:
                number = self._layouts.get(key)  # another thread may have been quicker
                if number is None:
                    number = self._layouts[key] = len(self._layouts)
                    sizes_text = None if sizes is None else _json(list(sizes))
                    self._put(("layout", number, over, _json(list(places)), sizes_text))
        return number

    def evaluation(self, tick: int, stream: int, set_id: str, **columns: Any) -> None:
        """One pass over an evaluation set, after step `tick` (-1: before the first)."""
        shown = {k: _json(list(v)) if isinstance(v, (list, tuple)) else v for k, v in columns.items()}
        self._put(("evaluation", tick, stream, set_id, shown))

    def hashes(self, stream: int, set_id: str, values: bytes, tick: int | None = None) -> None:
        """int64 hashes of samples of a set ("train", or an evaluation set's id), little-endian, raw; used by step `tick`."""
        self._put(("hashes", stream, set_id, bytes(values), tick))

    def array(self, stream: int, owner: str, name: str, shape: Sequence[int], data: bytes) -> None:
        """An array that belongs to an item: float32, little-endian, raw."""
        self._put(("array", stream, owner, name, "<f4", _json(list(shape)), data))

    def event(self, tick: int | None, stream: int | None, kind: str, place: str | None, **details: Any) -> None:
        """Something that happened once."""
        self._put(("event", tick, stream, kind, None if place is None else _text(place), _json(details)))

    def quantity(self, name: str, over: str, unit: str | None) -> None:
        """Declares a quantity."""
        self._put(("quantity", name, over, unit))

    def flush(self, timeout: float = 5.0) -> bool:
        """Waits until all that was called before is on disk; False when it took longer, or recording has stopped."""
        if self.stopped is not None or self._thread is None or not self._thread.is_alive():
            return False
        done = threading.Event()
        self._put(("flush", done))
        self._wake.set()
        return done.wait(timeout) and self.stopped is None

    def close(
        self,
        state: str,
        exit_status: int | None = None,
        exception: str | None = None,
        *,
        timeout: float = 10.0,
        **facts: Any,
    ) -> None:
        """Writes the end of the run, waits until it is on disk (at most `timeout` seconds), and ends the thread."""
        if self._closing:
            return
        ended = {"state": state, "exit_status": exit_status, "exception": exception, "ended_at": time.time(), **facts}
        if self.lost:
            ended["rows_lost"] = self.lost
        last = [("fact", key, _json(value)) for key, value in ended.items()]
        if self.stopped is None:
            self._queue.extend(last)
        else:  # one more try, that the reader may tell a stopped record from a killed program
            reason = ("fact", "recording_stopped", _json(self.stopped))
            self._queue.clear()
            self._queue.extend([reason, *last])
        self._closing = True
        self._wake.set()
        if self._thread is not None and self._thread.is_alive():
            self._thread.join(timeout)
        _alive.discard(self)

    def _forked(self) -> None:
        """In a child process: nothing reaches the parent's file. The connection lives on the thread's stack alone."""
        self.stopped = "recording stopped: this is a child process"
        self._queue = deque()
        self._closing = True
        self._thread = None
        self._lock = threading.Lock()


def vector_row(tick: int, stream: int, quantity: str, layout: int, data: bytes) -> tuple[Any, ...]:
    """A quantity of one step at all places of a layout, as it is queued."""
    return "vector", tick, stream, quantity, layout, data


def _item_key(kind: str, item: Mapping[str, Any]) -> str:
    if kind == "edge":
        return _text(f"{item['source']} -> {item['target']}")
    for name in ("path", "id", "place"):
        if name in item:
            return _text(str(item[name]))
    raise KeyError(f"expected path, id or place in an item of kind {kind!r}, found {sorted(item)}")


def _write(writer: Writer, first: Sequence[tuple[Any, ...]]) -> None:
    """The thread: opens the file with the first rows, then commits what is queued, until closed or stopped.

    The connection is a local of this function: no other thread and no forked child can reach, use or close it.
    """
    sink = Sink(writer.file)
    reason = sink.open(first)
    while reason is None:
        closing = writer._closing
        if not closing:
            writer._wake.wait(INTERVAL)
            writer._wake.clear()
            closing = writer._closing
        try:
            batch = _taken(writer)
        except Exception as error:  # noqa: BLE001  rows that cannot be made: told like a disk that cannot be written
            reason = f"{type(error).__name__}: {error}"
            break
        reason = sink.commit(batch)
        writer.seconds = time.thread_time()
        for row in batch:
            if row[0] == "flush":
                row[1].set()
        if closing and not writer._queue:
            break
    if reason is not None:
        writer.stopped = f"recording stopped: {reason}"
        _release(writer)
        while not writer._closing:
            writer._wake.wait()
            writer._wake.clear()
        sink.rescue(_taken(writer))
    sink.close()


def _taken(writer: Writer) -> list[tuple[Any, ...]]:
    batch = []
    queue = writer._queue
    writer._bytes = 0
    while queue:
        later: dict[Callable[[list[Any]], Iterable[tuple[Any, ...]]], list[Any]] = {}
        while queue:
            row = queue.popleft()
            if row[0] == "later":
                later.setdefault(row[1], []).append(row[2])
            else:
                batch.append(row)
        for rows, several in later.items():
            batch.extend(rows(several))  # layouts that are new come behind, in the same transaction
    return batch


def _release(writer: Writer) -> None:
    """Frees what waits, and whoever waits for it."""
    for row in _taken(writer):
        if row[0] == "flush":
            row[1].set()


def _after_fork() -> None:
    for writer in list(_alive):
        writer._forked()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
