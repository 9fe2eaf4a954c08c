"""What the reference networks offer, and what diagnose finds in each: recorded once, kept by content, judged anew each time."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from diagnose.finding import Diagnosis
from diagnose.judge import judge
from diagnose.record.reader import load
from diagnose.rules import all_rules

ROOT = Path(__file__).resolve().parents[1]
RECORDING = [  # what decides how a run is recorded; how it is read and judged may change afterwards
    *sorted(path for part in ("launch", "observe") for path in (ROOT / "diagnose" / part).rglob("*.py")),
    *sorted((ROOT / "diagnose" / "record").glob("*.sql")),
]


Command = tuple[str, ...]  # the arguments of a demo


@dataclass(frozen=True)
class Pair:
    """A trouble of a network, what is wrong in it and what cures it, in the demo's own words."""

    script: Path
    problem: str
    wrong: str
    cure: str
    cures: tuple[str, ...] = ()  # their names where there are several, the first of which is the plain --fixed

    @property
    def network(self) -> str:
        return self.script.stem


@dataclass(frozen=True)
class Outcome:
    """A demo's run under diagnose: what it printed of itself, and what was found."""

    folder: Path
    diagnosis: Diagnosis
    result: str  # its line "network: …", without the word
    baselines: str
    cost: str
    cpu_seconds: float

    @property
    def metric(self) -> str:
        """The result up to its first number, which is the one that counts."""
        first = re.match(r"[^0-9]*[0-9.]+", self.result)
        return first.group() if first else self.result

    @property
    def loud(self) -> list[str]:
        """Rules of errors and warnings, by rank."""
        return [finding.rule for finding in self.diagnosis.findings if finding.severity != "note"]


def scripts() -> list[Path]:
    """The reference networks, by name."""
    return sorted((ROOT / "demos").glob("[a-z]*.py"))


@cache
def constant(script: Path, name: str) -> Any:
    """A table at the top of a demo, read without running it; empty where it has none."""
    for node in ast.parse(script.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(node.value)
    return {}


@cache
def pairs() -> tuple[Pair, ...]:
    """Every trouble of every network."""
    return tuple(pair for script in scripts() for pair in pairs_of(script))


def pairs_of(script: Path) -> list[Pair]:
    """Every trouble of a network."""
    found: list[Pair] = []
    for problem, (wrong, cure) in constant(script, "PROBLEMS").items():
        cures = constant(script, f"{problem.upper().replace('-', '_')}_CURES")
        found.append(Pair(script, problem, wrong, cure, tuple(cures)))
    return found


def healthy(script: Path) -> list[Command]:
    """The command lines of a network without a trouble, on each of its data."""
    return [(), *(("--data", name) for name in tuple(constant(script, "DATA"))[1:])]


def faulty(pair: Pair) -> Command:
    """The command line that shows a trouble."""
    return "--problem", pair.problem


def cured(pair: Pair) -> list[Command]:
    """The command lines that show its cures, the first of which stands for all."""
    return [(*faulty(pair), f"--fixed={name}") for name in pair.cures] or [(*faulty(pair), "--fixed")]


def seeded(given: Command, seed: int) -> Command:
    """The same with this seed."""
    return *given, "--seed", str(seed)


def observing(given: Command) -> list[str]:
    """What a network looks at is measured of each healthy one, and where the trouble lies in that."""
    rules = all_rules()
    shows = any(word in rules and rules[word].family == "attribution" for word in given)
    return ["--explain"] if shows or not {"--problem", "--data"}.intersection(given) else []


def kept(script: Path, given: Command, store: Path) -> Path:
    """Where this run is or will be kept: by the demo, its arguments, and everything that records."""
    content = b"|".join(path.read_bytes() for path in (script, *RECORDING))
    about = "|".join((script.stem, *given, torch.__version__, sys.version)).encode()
    return store / f"{script.stem}-{hashlib.sha256(about + content).hexdigest()[:16]}"


def record(script: Path, given: Command, store: Path) -> Path:
    """Run a demo under diagnose unless that was done before; returns the folder that holds the run and its output.

    Raises:
        RuntimeError: the demo failed.
    """
    place = kept(script, given, store)
    if (place / "told.json").exists():
        return place
    making = place.with_name(f"{place.name}.{os.getpid()}")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    command = [sys.executable, "-m", "diagnose", "run", "-q", *observing(given), str(script), *given]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (making / "stdout").open("w+") as out, (making / "stderr").open("w+") as err:
        child = subprocess.Popen(command, cwd=making, stdout=out, stderr=err, env=environment)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        last = (making / "stderr").read_text().strip().splitlines()[-1:]
        raise RuntimeError(f"{' '.join([script.name, *given])} ended with status {child.returncode}: {' '.join(last)}")
    (making / "told.json").write_text(json.dumps({"cpu_seconds": used.ru_utime + used.ru_stime}))
    shutil.rmtree(place, ignore_errors=True)
    making.rename(place)
    return place


def outcome(script: Path, given: Command, store: Path) -> Outcome:
    """The run, recorded now or before, judged now."""
    place = record(script, given, store)
    (run,) = (path for path in (place / ".diagnose").iterdir() if path.is_dir())
    said = dict(_said((place / "stdout").read_text()))
    return Outcome(
        folder=place,
        diagnosis=judge(load(run)),
        result=said.get("network", ""),
        baselines=said.get("baselines", ""),
        cost=said.get("cost", said.get("memory", "")),
        cpu_seconds=json.loads((place / "told.json").read_text())["cpu_seconds"],
    )


def _said(stdout: str) -> Iterator[tuple[str, str]]:
    """What a demo says of itself: its lines `word: …`."""
    for line in stdout.splitlines():
        word, colon, rest = line.partition(": ")
        if colon and word in ("network", "baselines", "cost", "memory"):
            yield word, rest
