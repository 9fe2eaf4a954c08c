"""Start a process in a folder and keep what it left."""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Command = Sequence[str]


@dataclass(frozen=True)
class Outcome:
    """What a finished process left: its status (negative: the signal that ended it) and its two streams, as bytes."""

    status: int
    stdout: bytes
    stderr: bytes


def outcome(command: Command, folder: Path, env: Mapping[str, str] = {}, stdin: bytes = b"") -> Outcome:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1", **env}
    done = subprocess.run(
        command, check=False, cwd=folder, env=environment, input=stdin, capture_output=True, timeout=60
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def written(folder: Path, files: Mapping[str, str | bytes]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def programs(file: str) -> dict[str, str]:
    """Programs by title from a text beside this file; each begins after a line "=== title"."""
    sections = (Path(__file__).parent / file).read_text().split("=== ")[1:]
    return dict(section.split("\n", 1) for section in sections)


Same = Callable[..., Outcome]  # the fixture `same`
Driver = Callable[..., list[str]]  # the fixture `driver`
