"""What `diagnose run` does around the program: record while it runs, judge when it has ended."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from diagnose import launch
from diagnose.cli._baseline import Baseline
from diagnose.cli._commit import commit
from diagnose.cli._explaining import Wish, keeping, measured
from diagnose.cli._outputs import Output
from diagnose.errors import tell
from diagnose.record.folder import job
from diagnose.record.writer import Writer
from diagnose.settings import Settings

PATIENCE = 1.0  # seconds that the verdict waits for the other ranks to write down their last steps


@dataclass
class Recording:
    """One run: its writer, and, once torch is there, the session that observes.

    The writer is made when there is something to write: a program without torch would see its thread.
    """

    make_writer: Callable[[], Writer]
    settings: Settings
    outputs: Sequence[Output]
    format: str | None
    quiet: bool
    fail_on: str | None
    every: int | None
    train: bool
    strict: bool
    baseline: Baseline | None = None
    rank: int = 0
    world: int = 1
    explain: Wish | None = None
    session: Any = None
    failed: str | None = None
    began: float = field(default_factory=time.perf_counter)

    @cached_property
    def writer(self) -> Writer:
        return self.make_writer()

    def torch_came(self) -> None:
        """Attaches to torch, right after the program's import of it."""
        from diagnose.observe.session import Session

        session = Session(self.writer, every=self.every, strict=self.strict, ranks=self.world)
        session.start()
        self.session = session
        if self.explain is not None:
            keeping(session)
        from diagnose.observe.watching import running

        running(session)
        facts = _torch_facts()
        for key, value in facts.items():
            self.writer.fact(key, value)
        if not self.quiet and self.rank == 0:
            from diagnose.cli._live import LiveJudge

            session.on_step = LiveJudge(session, self.settings).step

    def main_ended(self, namespace: dict[str, Any]) -> None:
        """The main module has ended well: where it only defines a model and its data, train it."""
        if self.train and self.session is not None and self.session.nothing_observed:
            from diagnose.launch.model_file import train

            train(namespace)

    def ended(self, end: launch.End) -> int | None:
        """The program is over: close the record, judge it, tell."""
        if self.session is not None:
            self.session.finish()
        elif "torch" in sys.modules:
            why = "observing could not begin when the program imported torch"
            self.writer.fact("nothing_observed", {"code": "observing-failed", "message": why})
        else:
            why = "torch was never imported in this process"
            hint = "if training runs in child processes, use diagnose.watch() inside them"
            self.writer.fact("nothing_observed", {"code": "no-torch", "message": f"{why}; {hint}"})
        nothing = self.session is None or self.session.nothing_observed
        if self.explain is not None and end.state == "finished" and self.session is not None and self.rank == 0:
            measured(self.session, self.explain)
        state = "nothing-observed" if nothing and end.state == "finished" else end.state
        self.writer.close(state, end.exit_status, end.exception)
        return self._tell() if self.rank == 0 else None

    def _tell(self) -> int | None:
        from diagnose.cli import _outputs
        from diagnose.judge import judge
        from diagnose.record.reader import load
        from diagnose.record.runs import wait_for_ranks

        if self.writer.stopped:
            tell(self.writer.stopped)
            if not self.writer.file.is_file():
                return _outputs.NOTHING_OBSERVED if self.fail_on else None
        if self.world > 1:
            wait_for_ranks(self.writer.path, PATIENCE)
        diagnosis = judge(load(self.writer.path), settings=self.settings)
        if self.baseline is not None:
            diagnosis = self.baseline.without(diagnosis)
        return _outputs.tell(
            diagnosis, outputs=self.outputs, format=self.format, quiet=self.quiet, fail_on=self.fail_on,
            stream=sys.stderr,
        )  # fmt: skip


def _torch_facts() -> dict[str, Any]:
    """Versions and devices, read after the program's import of torch."""
    import platform

    torch = sys.modules["torch"]
    versions = {"python": platform.python_version(), "torch": str(torch.__version__)}
    for name in ("numpy", "lightning", "transformers"):
        module = sys.modules.get(name)
        if module is not None and hasattr(module, "__version__"):
            versions[name] = str(module.__version__)
    from diagnose import __version__

    versions["diagnose"] = __version__
    device = "cuda" if torch.cuda.is_available() else "cpu"
    facts = {"versions": versions, "device": device, "threads": torch.get_num_threads()}
    known = commit()
    return facts | ({"git_commit": known} if known else {})


def begin(target: launch.Target, *, root: Path, settings: Settings, source: bool = True, **options: Any) -> Recording:
    """Prepares the record, before the program starts."""
    program = target.name if target.kind == "path" else f"-m {target.name}"
    rank, world = job()
    facts = {
        "cwd": str(root), "settings": settings.facts(), "command": ["diagnose", "run", program], "source": source,
    }  # fmt: skip
    make = partial(Writer.create, root, program, target.arguments, rank=rank, world=world, facts=facts)
    return Recording(make, settings=settings, rank=rank, world=world, **options)
