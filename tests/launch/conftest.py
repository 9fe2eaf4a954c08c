"""Run a program twice, by python and by `diagnose run`, and compare everything that can be seen from outside."""

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from .processes import Command, Driver, Outcome, Same, outcome, written


@pytest.fixture
def same(tmp_path: Path) -> Same:
    """`same({"x.py": source}, "x.py", "argument")` runs it both ways, requires the same outcome and returns it."""

    def compare(
        files: Mapping[str, str | bytes],
        *arguments: str,
        flags: Command = (),
        env: Mapping[str, str] = {},
        stdin: bytes = b"",
        prepare: Callable[[Path], object] = lambda folder: None,
        inside: str = ".",
    ) -> Outcome:
        seen = []
        for middle in ((), ("-m", "diagnose", "run", "-q")):
            # the same path both times, for it appears in tracebacks; nothing of the first run may help the second
            folder = tmp_path / "work"
            written(folder, files)
            prepare(folder)
            seen.append(outcome([sys.executable, *flags, *middle, *arguments], folder / inside, env, stdin))
            folder.rename(tmp_path / f"done-{len(seen)}")
        plain, ours = seen
        assert ours.stderr.decode(errors="replace") == plain.stderr.decode(errors="replace")
        assert (ours.status, ours.stdout) == (plain.status, plain.stdout)
        return plain

    return compare


_DRIVER = """
import sys
started_with = frozenset(sys.modules)
del sys.path[0]
from diagnose import launch

def say(*words):
    print(*words, file=sys.stderr, flush=True)

def on_torch(): say("torch")
def on_main_end(namespace): say("main end", namespace.get("mark"))
def on_end(end): say("end", end.state, end.exit_status, end.exception)

{changes}

target = launch.Target("path", "program.py", tuple(sys.argv[1:]))
launch.forget(started_with, launch.folder_of(target))
launch.execute(target, on_torch=on_torch, on_main_end=on_main_end, on_end=on_end)
"""


@pytest.fixture
def driver(tmp_path: Path) -> Driver:
    """`driver(program, changes)` writes both; the command it returns launches the program with callbacks that say when they run."""

    def make(program: str, changes: str = "") -> list[str]:
        written(tmp_path, {"program.py": program, "bin/driver.py": _DRIVER.format(changes=changes)})
        return [sys.executable, "bin/driver.py"]

    return make
