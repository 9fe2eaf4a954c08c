"""The challenge programs and their recorded runs: each program runs once, and is judged as often as one likes.

A recording is kept under `.cache/challenges/` by what it depends on: the program's text, and that of the parts of
diagnose which record. `stale=True` takes the latest recording of the same program, whatever recorded it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
CACHE = PROJECT / ".cache" / "challenges"
RECORDING = ("cli", "launch", "observe", "record")  # the parts of diagnose that a recording depends on


@dataclass(frozen=True)
class Program:
    """One labelled program: `kind` is "faulty" or "fixed"; a sound program of its own is "fixed" and expects nothing."""

    id: str
    kind: str
    path: Path
    label: dict[str, Any] = field(repr=False, hash=False, compare=False)

    @property
    def faulty(self) -> bool:
        return self.kind == "faulty"

    @property
    def text(self) -> str:
        return self.path.read_text()


def programs(only: Iterable[str] = ("*",), folder: Path = HERE) -> list[Program]:
    """The programs whose ids match one of the globs, in order."""
    found = {}
    for pattern in only:
        for label in folder.glob(f"{pattern}/case.toml"):
            found[label.parent.name] = label
    made = []
    for id, label in sorted(found.items()):
        case = tomllib.loads(label.read_text())
        made += [
            Program(id, kind, label.parent / f"{kind}.py", case)
            for kind in ("faulty", "fixed")
            if (label.parent / f"{kind}.py").exists()
        ]
    return made


def waves() -> dict[str, dict[str, Any]]:
    """Which programs came when, and how they fared before any rule was tuned on them: waves.toml."""
    return tomllib.loads((HERE / "waves.toml").read_text())["wave"]


@cache
def _recorder() -> str:
    """Digest of the sources of what records."""
    digest = hashlib.sha256()
    for part in RECORDING:
        for file in sorted((PROJECT / "diagnose" / part).rglob("*")):
            if file.suffix in (".py", ".sql"):
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def recording(program: Program, *, stale: bool = False, timeout: float = 300) -> Path:
    """The folder of the program's recorded run; records it where there is none yet.

    Raises:
        RuntimeError: the program left no run behind.
    """
    home = CACHE / f"{program.id}-{program.kind}-{digest(program.text)}"
    known = home / _recorder()
    older = sorted((p for p in home.glob("*") if p.is_dir()), key=lambda p: p.stat().st_mtime) if stale else []
    if known.is_dir() or older:
        return known if known.is_dir() else older[-1]
    with tempfile.TemporaryDirectory() as room:
        environment = dict(os.environ, OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", PYTHONPATH=str(PROJECT))
        command = [sys.executable, "-m", "diagnose", "run", "-q", str(program.path)]
        done = subprocess.run(
            command, cwd=room, env=environment, capture_output=True, text=True, errors="replace", timeout=timeout,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        runs = list(Path(room, ".diagnose").glob("*/rank0.sqlite"))
        if len(runs) != 1:
            last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
            raise RuntimeError(f"expected a run of {program.path}, found {len(runs)}; it said: {last}")
        home.mkdir(parents=True, exist_ok=True)
        shutil.move(str(runs[0].parent), known)
    return known


def recordings(
    wanted: Sequence[Program], *, jobs: int = 2, stale: bool = False, tell: bool = True
) -> Iterator[tuple[Program, Path]]:
    """Every program with the folder of its run, in order, as they get ready."""
    with ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(recording, program, stale=stale) for program in wanted]
        for number, (program, done) in enumerate(zip(wanted, waiting, strict=True), 1):
            folder = done.result()
            if tell and sys.stderr.isatty():
                print(f"\r{number}/{len(wanted)} recorded", end="", file=sys.stderr, flush=True)
            yield program, folder
    if tell and sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)


def kept(name: str, value: Any = None) -> Any:
    """A JSON file beside the recordings: read it, or write it where a value is given."""
    place = CACHE / f"{name}.json"
    if value is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(value, indent=1))
        return value
    return json.loads(place.read_text()) if place.exists() else None
