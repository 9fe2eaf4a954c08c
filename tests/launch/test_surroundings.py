"""What the program prints, warns of, starts and finds around it is as under plain python."""

import subprocess
import sys
from pathlib import Path

import pytest

from .processes import Same, outcome, programs, written

PROGRAMS = programs("surroundings.txt")
BESIDE = {
    "beside.py": "import sys, warnings\nargv = sys.argv\n"
    "def old(): warnings.warn('beside', DeprecationWarning, stacklevel=2)\n",
    "broken.py": "1/0\n",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_surroundings(same: Same, program: str) -> None:
    same({**BESIDE, "x.py": PROGRAMS[program]}, "x.py", stdin=b"text", env={"PYTHONHASHSEED": "3"})


@pytest.mark.parametrize(
    "program",
    [
        "own finders",
        "stream that says when it is flushed",
        "closes stdout",
        "closes stderr",
        "replaces stdout",
        "logging",
        "deprecation in the main module",
    ],
)
def test_surroundings_while_a_run_is_recorded(same: Same, program: str) -> None:
    same({**BESIDE, "x.py": PROGRAMS[program]}, "x.py", recorded=True, stdin=b"text")


def test_a_program_that_deletes_its_folder_while_a_run_is_recorded(tmp_path: Path) -> None:
    work = tmp_path / "work"
    program = "import os, shutil\nhere = os.getcwd()\nshutil.rmtree(here)\nprint(__file__)\nraise SystemExit(3)"
    written(work, {"x.py": program})
    seen = outcome([sys.executable, "-m", "diagnose", "run", "-q", "x.py"], work)
    assert (seen.status, seen.stdout.decode()) == (3, f"{work}/x.py\n")
    assert seen.stderr.startswith(b"diagnose: recording stopped: ")
    assert seen.stderr.count(b"\n") == 1
    assert not work.exists()


def test_deprecations_in_main_are_shown(same: Same) -> None:
    assert (
        b"DeprecationWarning: old"
        in same({**BESIDE, "x.py": PROGRAMS["deprecation in the main module"]}, "x.py").stderr
    )


def test_warnings_made_errors_end_the_program_not_us(same: Same) -> None:
    assert same({"x.py": "import warnings; warnings.warn('w')"}, "x.py", flags=("-W", "error")).status == 1


CLICK_PROGRAM = """
import click
print(click.get_current_context(silent=True), click.__file__)
@click.command()
@click.option("--lr", type=float, help="Learning rate.")
@click.argument("rest", nargs=-1)
def train(lr, rest):
    print(lr, rest, click.get_current_context().info_name)
    if lr == 0: raise click.ClickException("zero")
    if lr == 1: raise KeyboardInterrupt
train()
"""


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--lr", "2", "a"], ["--lr", "x"], ["--lr", "0"], ["--lr", "1"], ["--", "-m"]]
)
def test_a_program_that_uses_click_itself(same: Same, arguments: list[str]) -> None:
    seen = same({"x.py": CLICK_PROGRAM}, "x.py", *arguments)
    assert seen.stdout.startswith(b"None /")


MULTIPROCESSING = """
import multiprocessing, sys
class Own:
    def __init__(self, x): self.x = x
def double(own):
    return Own(own.x * 2)
print("imported as", __name__, sys.argv[1:], flush=True)
if __name__ == "__main__":
    with multiprocessing.get_context(sys.argv[1]).Pool(1) as pool:
        print([own.x for own in pool.map(double, [Own(1), Own(2)])], flush=True)
    process = multiprocessing.get_context(sys.argv[1]).Process(target=sys.exit, args=(4,))
    process.start(); process.join(); print(process.exitcode)
"""


@pytest.mark.parametrize("method", ["spawn", "fork", "forkserver"])
@pytest.mark.parametrize("target", ["script", "module"])
def test_worker_processes(same: Same, method: str, target: str) -> None:
    files, command = {
        "script": ({"x.py": MULTIPROCESSING}, ["x.py"]),
        "module": ({"pkg/mod.py": MULTIPROCESSING, "pkg/__init__.py": ""}, ["-m", "pkg.mod"]),
    }[target]
    seen = same(files, *command, method)
    assert b"[2, 4]\n" in seen.stdout
    assert seen.stdout.endswith(b"4\n")


def test_a_closed_pipe_ends_as_under_python(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("for i in range(100_000): print(i)\n")
    seen = []
    for middle in ([], ["-m", "diagnose", "run", "-q"]):
        command = [sys.executable, *middle, "x.py"]
        with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout and process.stderr
            process.stdout.readline()
            process.stdout.close()
            seen.append((process.stderr.read(), process.wait(timeout=20)))
    assert seen[0] == seen[1]
    assert b"BrokenPipeError" in seen[0][0]


def test_a_deleted_working_folder(same: Same, tmp_path: Path) -> None:
    program = tmp_path / "far.py"
    program.write_text(
        "import os, sys\nprint(__file__, sys.path[0])\ntry: os.getcwd()\nexcept OSError: print('gone')\n"
    )
    starter = (
        "import os, subprocess, sys\nos.mkdir('gone')\nos.chdir('gone')\nos.rmdir('../gone')\n"
        "sys.exit(subprocess.run([sys.executable, *sys.argv[1:]]).returncode)\n"
    )
    written(tmp_path, {"start.py": starter})
    plain = outcome([sys.executable, "start.py", str(program)], tmp_path)
    ours = outcome([sys.executable, "start.py", "-m", "diagnose", "run", "-q", str(program)], tmp_path)
    assert plain.stdout.endswith(b"gone\n")
    assert (ours.status, ours.stdout) == (plain.status, plain.stdout)
    assert ours.stderr.startswith(b"diagnose: recording stopped: ")
