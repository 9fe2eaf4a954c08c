"""Run a program twice, by python and by `diagnose run`, and compare everything that can be seen from outside."""

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from .processes import Command, Driver, Outcome, Same, outcome, written

# The real command line with nothing recorded: what is left is the launcher, and a report that takes no time.
_COMMAND = """
import sys, types
def nothing(*arguments): pass
recording = types.SimpleNamespace(torch_came=nothing, main_ended=nothing, ended=nothing)
sys.modules["diagnose.cli._recording"] = types.ModuleType("diagnose.cli._recording")
sys.modules["diagnose.cli._recording"].begin = lambda *arguments, **options: recording
from diagnose.cli import main
main()
"""


@pytest.fixture
def same(tmp_path: Path) -> Same:
    """`same({"x.py": source}, "x.py", "argument")` runs it both ways, requires the same outcome and returns it.

    Args:
        recorded: run the whole command, which also records and judges.
        flags: the interpreter's own options.
        prepare: called with the folder before each run.
        inside: the folder to run in, relative to that of the files.
        without: a pattern of what is left out of both stderr before they are compared.
    """
    written(tmp_path, {"bin/command.py": _COMMAND})

    def compare(
        files: Mapping[str, str | bytes],
        *arguments: str,
        recorded: bool = False,
        flags: Command = (),
        env: Mapping[str, str] = {},
        stdin: bytes = b"",
        prepare: Callable[[Path], object] = lambda folder: None,
        inside: str = ".",
        without: str = "(?!)",
    ) -> Outcome:
        diagnose = ["-m", "diagnose"] if recorded else [str(tmp_path / "bin/command.py")]
        seen = []
        for middle in ([], [*diagnose, "run", "-q"]):
            # the same path both times, for it appears in tracebacks; nothing of the first run may help the second
            folder = tmp_path / "work"
            written(folder, files)
            prepare(folder)
            seen.append(outcome([sys.executable, *flags, *middle, *arguments], folder / inside, env, stdin))
            folder.rename(tmp_path / f"done-{len(seen)}")
        plain, ours = seen
        told = [re.sub(without, "", seen.stderr.decode(errors="replace")) for seen in (ours, plain)]
        assert told[0] == told[1]
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
    """`driver(program, changes)` gives a command that launches the program with callbacks that say when they run.

    `changes` are lines of python that replace callbacks.
    """

    def make(program: str, changes: str = "") -> list[str]:
        written(tmp_path, {"program.py": program, "bin/driver.py": _DRIVER.format(changes=changes)})
        return [sys.executable, "bin/driver.py"]

    return make
