"""`diagnose.watch`: the same observation in one's own code."""

from __future__ import annotations

import inspect
import os
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from torch import Tensor, nn
from torch.optim import Optimizer

from diagnose.errors import UsageError, tell
from diagnose.observe.session import Session
from diagnose.record.folder import job
from diagnose.record.writer import Writer

if TYPE_CHECKING:
    from diagnose.finding import Diagnosis
    from diagnose.run import Run

_open: list[Watching] = []
_running: list[Session] = []  # of `diagnose run`, at most one


class Watching:
    """An open watch: a context manager, and what was found.

    `diagnosis` may be asked for at any time; after `detach` it is final.
    """

    def __init__(self, things: tuple[nn.Module | Optimizer, ...], *, name: str | None, every: int | None) -> None:
        if not things:
            raise UsageError("expected at least one model or optimizer to watch, got none")
        for thing in things:
            if not isinstance(thing, (nn.Module, Optimizer)):
                raise UsageError(f"expected models and optimizers to watch, got {type(thing).__name__}")
        main = getattr(sys.modules.get("__main__"), "__file__", None)
        program = name or (os.path.basename(main) if main else "notebook")
        rank, world = job()
        facts = {"watched": True, "cwd": os.getcwd()}
        self._writer = Writer.create(Path.cwd(), program, sys.argv[1:] if main else [], rank=rank, world=world, facts=facts)
        self._session = Session(self._writer, every=every, only=things, ranks=world)
        self._things = [weakref.ref(thing) for thing in things]
        self._diagnosis: Diagnosis | None = None
        for module in things:
            if isinstance(module, nn.Module):
                for part in module.modules():
                    self._session.modules.registered(part)
        self._session.start()
        for thing in things:
            if isinstance(thing, Optimizer):
                self._session.take_optimizer(thing)
        _open.append(self)

    def __enter__(self) -> Watching:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._end("finished" if error is None else "interrupted" if isinstance(error, KeyboardInterrupt) else "failed",
                  None if error is None else f"{type(error).__name__}: {error}".splitlines()[0])  # fmt: skip

    def log(self, **values: float | Tensor) -> None:
        """Records scalars that nothing intercepts: `watching.log(val_loss=0.3)`."""
        self._session.log(**values)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Observes nothing inside the `with`."""
        with self._session.pause():
            yield

    def detach(self) -> None:
        """Ends the watch: every hook and replaced function is taken away."""
        self._end("finished", None)

    def _end(self, state: str, exception: str | None) -> None:
        if self not in _open:
            return
        _open.remove(self)
        self._session.finish()
        if self._session.nothing_observed and state == "finished":
            state = "nothing-observed"
        self._writer.close(state, None, exception)
        if self._writer.stopped:
            tell(self._writer.stopped)

    @property
    def path(self) -> Path:
        """The folder of the recorded run."""
        return self._writer.path

    @property
    def run(self) -> Run:
        """What has been recorded so far."""
        from diagnose.record.reader import load

        if self in _open:
            self._writer.flush()
        return load(self._writer.path)

    @property
    def diagnosis(self) -> Diagnosis:
        """The judged run: as far as it has come, or final after the watch has ended."""
        from diagnose.judge import judge
        from diagnose.settings import read

        if self._diagnosis is not None:
            return self._diagnosis
        found = judge(self.run, settings=read(Path.cwd()))
        if self not in _open:
            self._diagnosis = found
        return found

    def report(self, path: str | os.PathLike[str] | None = None) -> str:
        """The diagnosis as text, or written to a file whose suffix says the format (the path is returned).

        Raises:
            UsageError: a suffix that no format has.
        """
        from diagnose.report import format_of, reporters, terminal

        if path is None:
            return terminal.render(self.diagnosis, width=100, color=False)
        form = format_of(str(path))
        if form is None:
            raise UsageError(f"expected a file that ends in .json or another suffix of a report, got {os.fspath(path)!r}")
        Path(path).write_text(reporters()[form].render(self.diagnosis), encoding="utf-8")
        return str(path)

    def __repr__(self) -> str:
        return f"<diagnose.watch {'open' if self in _open else 'ended'}, {self._session.tick} steps, {self._writer.path}>"


def watch(*models_and_optimizers: nn.Module | Optimizer, name: str | None = None, every: int | None = None) -> Watching:
    """Watches trainings from here on.

    Args:
        models_and_optimizers: any number of each, in any order. Optimizers built later over a watched model's parameters
            are watched too.
        name: of the run on disk; the program's by default.
        every: record every so many steps; by default the budget decides (1 s once, then 2 % of the time).

    Returns:
        A context manager: `with diagnose.watch(model, optimizer) as watching: train()`, then `watching.diagnosis`.
        Without `with` it stays open until `detach`. Watching an object again ends the earlier watch (a notebook cell that is
        run twice).

    Raises:
        UsageError: something is neither a Module nor an Optimizer.
    """
    for earlier in _open:
        if any(ref() is thing for ref in earlier._things for thing in models_and_optimizers) or _same_cell(earlier):
            tell(f"this watch replaces the earlier one of the same objects ({earlier.path.name})")
            earlier.detach()
    made = Watching(models_and_optimizers, name=name, every=every)
    made._session.cell = _caller()
    return made


def _caller() -> tuple[str, int] | None:
    frame = inspect.currentframe()
    while frame is not None and frame.f_globals.get("__name__") == __name__:
        frame = frame.f_back
    return None if frame is None else (frame.f_code.co_filename, frame.f_lineno)


def _same_cell(earlier: Watching) -> bool:
    """Whether an open watch was made by this very line of a notebook: the cell runs again with new objects."""
    place = _caller()
    return place is not None and earlier._session.cell == place and place[0].startswith(("<ipython", "<stdin"))


def log(**values: float | Tensor) -> None:
    """Records scalars in the innermost open watch, or in `diagnose run`; does nothing where neither is, so it may stay."""
    if _open:
        _open[-1].log(**values)
    elif _running:
        _running[-1].log(**values)


def running(session: Session) -> None:
    """`diagnose run` says that its session takes what `diagnose.log` gives."""
    _running.append(session)
