"""Every reference network under `diagnose run`: the trouble it shows is named first, its cure and the healthy one are silent.

One seed here; `make demos` runs three.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
SEEDS = [int(seed) for seed in os.environ.get("DEMO_SEEDS", "0").split(",")]


def demos() -> list[Path]:
    """The scripts of the reference networks."""
    return sorted(path for path in (ROOT / "demos").glob("*.py") if not path.name.startswith("_"))


def problems(demo: Path) -> list[str]:
    """The troubles a demo lists."""
    listed = subprocess.run([sys.executable, demo, "--list"], capture_output=True, text=True, check=True).stdout
    return [line.split()[0] for line in listed.splitlines() if line.strip()]


@cache
def recorded(demo: Path, *arguments: str) -> dict[str, Any]:
    """The diagnosis of one run, as JSON; each is trained once in a session of tests."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "diagnose", "run", "-q", "-o", "out.json", str(demo), *arguments]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        found: dict[str, Any] = json.loads(Path(folder, "out.json").read_text())
        return found


def loud(diagnosis: dict[str, Any]) -> list[str]:
    """Rules of errors and warnings, by rank."""
    return [f["rule"] for f in diagnosis["findings"] if f["severity"] != "note"]


PAIRS = [pytest.param(demo, problem, seed, id=f"{demo.stem}-{problem}-{seed}")
         for demo in demos() for problem in problems(demo) for seed in SEEDS]  # fmt: skip


@pytest.mark.parametrize(("demo", "problem", "seed"), PAIRS)
def test_the_trouble_is_named_first(demo: Path, problem: str, seed: int) -> None:
    found = loud(recorded(demo, "--problem", problem, "--seed", str(seed)))
    assert found[:1] == [problem], found


@pytest.mark.parametrize(("demo", "problem", "seed"), PAIRS)
def test_the_cure_is_silent(demo: Path, problem: str, seed: int) -> None:
    assert not loud(recorded(demo, "--problem", problem, "--fixed", "--seed", str(seed)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("demo", demos(), ids=lambda demo: demo.stem)
def test_the_healthy_network_is_silent(demo: Path, seed: int) -> None:
    assert not loud(recorded(demo, "--seed", str(seed)))
