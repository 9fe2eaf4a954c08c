"""Every reference network under `diagnose run`: the trouble it shows is named first, its cures and the healthy one are silent.

One seed here; `make demos` runs three. A run is recorded once, two at a time, and kept in pytest's cache for as long as the
demo and what records it stay the same; the rules judge the stored runs anew each time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from test_demos import DEMOS, variants

from diagnose.judge import judge
from diagnose.record.reader import load
from diagnose.rules import all_rules

ROOT = Path(__file__).parents[1]
SEEDS = os.environ.get("DEMO_SEEDS", "0").split(",")
RECORDING = sorted(path for part in ("observe", "record", "launch") for path in (ROOT / "diagnose" / part).rglob("*.[ps][yq]*"))
ATTRIBUTION = {name for name, rule in all_rules().items() if rule.family == "attribution"}

Loud = Callable[[Path, list[str]], list[str]]


def key(demo: Path, arguments: list[str]) -> str:
    """What a recorded run depends on, as a short name."""
    parts = [demo.stem, *arguments, torch.__version__, sys.version, *(str(path.read_bytes()) for path in (demo, *RECORDING))]
    return f"{demo.stem}-{hashlib.sha256('|'.join(parts).encode()).hexdigest()[:16]}"


def record(demo: Path, arguments: list[str], folder: Path) -> Path:
    """The folder of the recorded run, trained now unless it was before."""
    kept = folder / key(demo, arguments)
    if not kept.exists():
        place = folder / f"{kept.name}.{os.getpid()}"
        place.mkdir()
        command = [sys.executable, "-m", "diagnose", "run", "-q", *explained(arguments), str(demo), *arguments]
        ended = subprocess.run(command, cwd=place, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
        assert ended.returncode == 0, ended.stderr
        place.rename(kept)
    (run,) = (path for path in (kept / ".diagnose").iterdir() if path.is_dir())
    return run


def explained(arguments: list[str]) -> list[str]:
    """What a network looks at is measured of the healthy ones, and where the trouble lies in that."""
    return ["--explain"] if "--problem" not in arguments or ATTRIBUTION & set(arguments) else []


@pytest.fixture(scope="session")
def loud(request: pytest.FixtureRequest) -> Iterator[Loud]:
    """Rules of errors and warnings of a demo's run, by rank."""
    folder = request.config.cache.mkdir("demos")
    wanted = [item.callspec.params for item in request.session.items if "arguments" in getattr(item, "fixturenames", ())
              and "loud" in item.fixturenames]  # fmt: skip
    with ThreadPoolExecutor(2) as pool:
        runs: dict[str, Future[Path]] = {}
        for one in wanted:
            runs.setdefault(key(one["demo"], one["arguments"]), pool.submit(record, one["demo"], one["arguments"], folder))

        def found(demo: Path, arguments: list[str]) -> list[str]:
            diagnosis = judge(load(runs[key(demo, arguments)].result()))
            return [finding.rule for finding in diagnosis.findings if finding.severity != "note"]

        yield found
        pool.shutdown(cancel_futures=True)
    known = {key(demo, [*arguments, "--seed", seed]) for demo in DEMOS for arguments in variants(demo) for seed in ("0", "1", "2")}
    for path in folder.iterdir():
        if path.name not in known:
            shutil.rmtree(path)


def cases(kind: str) -> list[object]:
    """The variants that are faulty, cured or healthy, with each seed; a plain --fixed is the first of several cures."""
    found = []
    for demo in DEMOS:
        offered = variants(demo)
        for arguments in offered:
            cure = next((word for word in arguments if word.startswith("--fixed")), None)
            its = "cured" if cure else "faulty" if "--problem" in arguments else "healthy"
            several = cure == "--fixed" and any(a[:2] == arguments[:2] and a[-1] > cure for a in offered)
            if its == kind and not several:
                found += [pytest.param(demo, [*arguments, "--seed", seed], id=" ".join([demo.stem, *arguments, seed]))
                          for seed in SEEDS]  # fmt: skip
    return found


@pytest.mark.timeout(900)  # while the others before it are recorded
@pytest.mark.parametrize(("demo", "arguments"), cases("faulty"))
def test_the_trouble_is_named_first(demo: Path, arguments: list[str], loud: Loud) -> None:
    found = loud(demo, arguments)
    assert found[:1] == [arguments[1]], found


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("demo", "arguments"), cases("cured"))
def test_the_cure_is_silent(demo: Path, arguments: list[str], loud: Loud) -> None:
    assert not loud(demo, arguments)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("demo", "arguments"), cases("healthy"))
def test_the_healthy_network_is_silent(demo: Path, arguments: list[str], loud: Loud) -> None:
    assert not loud(demo, arguments)
