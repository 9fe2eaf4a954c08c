"""Observe a training inside the test's own process, and read back what was recorded."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from diagnose.observe.session import Session
from diagnose.record.reader import load
from diagnose.record.writer import Writer
from diagnose.run import Run, Training

Observing = Callable[..., Any]
Recorded = Callable[..., Training]


@pytest.fixture(autouse=True)
def _steady() -> Iterator[None]:
    """One thread, the same random numbers for every test, and nothing left patched behind it."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    before = seams()
    yield
    assert seams() == before, "a test left interceptions behind"
    torch.set_num_threads(threads)


def seams() -> list[Any]:
    """What stands at some of the intercepted places."""
    F, modules = torch.nn.functional, torch.nn.Module
    return [F.cross_entropy, F.mse_loss, torch.autograd.backward, torch.autograd.grad, torch.jit.script,
            torch.optim.Optimizer.__init__, torch.nn.utils.clip_grad_norm_, "__reduce_ex__" in modules.__dict__]  # fmt: skip


@pytest.fixture
def observing(tmp_path: Path) -> Observing:
    """`with observing(every=1) as session:` observes everything in the block; afterwards `session.run` is the recorded run."""

    @contextmanager
    def observe(*, every: int | None = 1, strict: bool = True) -> Iterator[Session]:
        writer = Writer.create(tmp_path, "program.py", [])
        session = Session(writer, every=every, strict=strict)
        session.schedule.once = 60.0  # what is recorded must not hang on how busy the machine is
        session.start()
        try:
            yield session
        finally:
            session.finish()
            writer.close("finished", 0, None)
        session.run = load(writer.path)  # type: ignore[attr-defined]

    return observe


@pytest.fixture
def recorded(observing: Observing) -> Recorded:
    """`recorded(train)` calls `train()` under observation of every step and returns the one training in it."""

    def record(train: Callable[[], object], *, every: int | None = 1) -> Training:
        run: Run
        with observing(every=every) as session:
            train()
        run = session.run
        assert len(run.trainings) == 1, f"{len(run.trainings)} trainings"
        assert not [e for e in (*run.events, *run.trainings[0].events) if e.kind == "probe-failed"]
        return run.trainings[0]

    return record
