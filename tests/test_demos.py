"""Every demo is an ordinary script that shows each of its troubles and their cures, without knowing of diagnose."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from demos._runs import Pair, constant, cured, faulty, pairs, scripts

DEMOS = scripts()


def ran(demo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The demo as a script of its own."""
    return subprocess.run([sys.executable, demo, *arguments], capture_output=True, text=True)


def problems(demo: Path) -> list[str]:
    return list(constant(demo, "PROBLEMS"))


each_demo = pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.stem)


def test_there_are_demos() -> None:
    assert [demo.stem for demo in DEMOS if len(problems(demo)) >= 4]


@each_demo
def test_lists_its_problems(demo: Path) -> None:
    told = ran(demo, "--list")
    assert told.returncode == 0, told.stderr
    assert [line.split()[0] for line in told.stdout.splitlines()] == list(problems(demo))


@each_demo
def test_unknown_problem_is_told_the_known_ones(demo: Path) -> None:
    told = ran(demo, "--problem", "no-such-trouble")
    assert told.returncode == 2
    assert all(problem in told.stderr for problem in problems(demo))


@each_demo
@pytest.mark.parametrize("arguments", [["--fixed"], ["--problem", "FIRST", "--fixed=no-such-cure"]], ids=" ".join)
def test_cure_of_nothing_is_refused(demo: Path, arguments: list[str]) -> None:
    told = ran(demo, *(problems(demo)[0] if word == "FIRST" else word for word in arguments))
    assert told.returncode == 2
    assert "expected" in told.stderr.splitlines()[-1]


@each_demo
def test_is_short_and_knows_nothing_of_diagnose(demo: Path) -> None:
    text = demo.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 200
    assert ast.get_docstring(ast.parse(text)) and "References:" in text
    assert not re.search(r"^\s*(import|from)\s+diagnose\b", text, re.MULTILINE)


@each_demo
def test_every_problem_has_its_marked_line(demo: Path) -> None:
    text = demo.read_text(encoding="utf-8")
    assert text.count("# FAULT: ") == len(problems(demo))


@pytest.mark.parametrize("pair", [pair for pair in pairs() if pair.cures], ids=lambda pair: f"{pair.network}-{pair.problem}")
def test_plain_fixed_is_the_first_of_several_cures(pair: Pair) -> None:
    plain, first = (ran(pair.script, *given, "--epochs", "1") for given in ((*faulty(pair), "--fixed"), cured(pair)[0]))
    assert (plain.returncode, plain.stderr) == (0, "")
    assert plain.stdout == first.stdout


@each_demo
def test_same_seed_same_output(demo: Path) -> None:
    first, again = (ran(demo, "--epochs", "1", "--seed", "3").stdout for _ in range(2))
    assert first == again


@each_demo
def test_missing_data_package_is_one_line(demo: Path, tmp_path: Path) -> None:
    absent = dict.fromkeys(("sklearn", "mlxtend", "babel", "statsmodels", "arch", "river"))
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.modules.update({absent})\n")
    needed = re.search(rf"^\s*(import|from) ({'|'.join(absent)})\b", demo.read_text(encoding="utf-8"), re.MULTILINE)
    data = [f"--data={name}" for name in tuple(constant(demo, "DATA"))[-1:]]  # the first may need no package
    told = subprocess.run(
        [sys.executable, demo, "--epochs", "1", *data], capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}
    )
    assert told.returncode == (1 if needed else 0)
    lines = told.stderr.splitlines()
    assert len(lines) == (1 if needed else 0)
    assert all("pip install 'torch-diagnose[demos" in line for line in lines)
