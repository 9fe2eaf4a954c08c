"""What the program prints, warns of, starts and finds around it is as under plain python."""

import subprocess
import sys
from pathlib import Path

import pytest

from .processes import Same, outcome, written

PROGRAMS = {
    "binary output": "import sys; sys.stdout.buffer.write(bytes(range(256)))",
    "unfinished lines on both streams": "import sys\nprint('a', end='')\nprint('b', end='', file=sys.stderr)",
    "standard input": "import sys; print(sys.stdin.read().upper())",
    "replaces stdout": "import io, sys\nsys.stdout = io.StringIO()\nprint('lost')\nsys.stderr.write(sys.stdout.getvalue())",
    "stdout to a file, never flushed": "import atexit, sys\nsys.stdout = open('log', 'w')\nprint('kept')\natexit.register(lambda: print(open('log').read(), file=sys.stderr))",
    "stream that says when it is flushed": "import atexit, sys\nclass Stream:\n    def write(self, text): sys.__stdout__.write(text)\n    def flush(self): sys.__stdout__.write('flushed ')\nsys.stdout = Stream()\natexit.register(print, 'atexit')",
    "closes stdout": "import sys\nprint('a')\nsys.stdout.close()",
    "closes its descriptors": "import os\nprint('a')\nos.close(1)",
    "closes stderr": "import sys\nsys.stderr.close()\nsys.exit(2)",
    "changes the folder": "import os\nos.mkdir('sub')\nos.chdir('sub')\nimport beside\nprint(os.getcwd(), __file__, beside.__file__)",
    "deletes the folder": "import os, shutil, sys\nhere = os.getcwd()\nshutil.rmtree(here)\nprint(__file__, sys.path[0])\nos.mkdir(here)",
    "changes its arguments": "import sys\nsys.argv[1:] = ['changed']\nimport beside\nprint(beside.argv)",
    "replaces __main__": "import sys, types\nsys.modules['__main__'] = types.ModuleType('other')\nprint(__name__)",
    "own finders": "import sys\nclass Finder:\n    @staticmethod\n    def find_spec(name, path=None, target=None): print('asked for', name)\nsys.meta_path.insert(0, Finder)\nimport beside",
    "own atexit counts": "import atexit\natexit.register(print, 1)\natexit.register(print, 2)",
    "deprecation in the main module": "import warnings\nwarnings.warn('old', DeprecationWarning)\nimport beside\nbeside.old()",
    "deprecation by syntax": "x = '\\d'\nprint(1 is 1)",
    "warning as often as before": "import warnings\nfor _ in range(3): warnings.warn('often')\nfor _ in range(2):\n    warnings.simplefilter('always')\n    warnings.warn('each')",
    "warning of the caller": "import beside\ndef f(): beside.old()\nf()",
    "random numbers": "import random\nrandom.seed(1)\nprint(random.random(), hash('a') == hash('a'))",
    "hashes": "print(hash('text'))",
    "logging": "import logging\nlogging.warning('w')\nlogging.getLogger('diagnose').error('own name')",
    "getpass, argparse and usage": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr', type=float)\nprint(p.parse_args())",
    "argparse --help": "import argparse\np = argparse.ArgumentParser(description='mine')\np.add_argument('--lr')\np.parse_args(['--help'])",
    "argparse error": "import argparse\nargparse.ArgumentParser().parse_args(['--nosuch'])",
    "runpy inside": "import runpy\nprint(runpy.run_path('beside.py', run_name='__main__')['argv'])\nprint(__name__, __file__)",
    "doctest and unittest of main": "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(__name__, '__main__')\nunittest.main(argv=['x'], verbosity=0, exit=False, testRunner=unittest.TextTestRunner(stream=open('/dev/null', 'w')))",
    "dataclass and typing in main": "import typing, dataclasses\n@dataclasses.dataclass\nclass A:\n    x: 'B'\nclass B: pass\nprint(typing.get_type_hints(A), A.__module__)",
    "annotations": "x: int = 1\ny: 'str'\nprint(__annotations__)",
    "subprocess of itself": "import subprocess, sys\nif len(sys.argv) == 2: sys.exit(int(sys.argv[1]))\nprint(subprocess.run([sys.executable, sys.argv[0], '5']).returncode)",
    "thread locals and names": "import threading\nprint(threading.current_thread() is threading.main_thread(), threading.active_count())",
    "asyncio": "import asyncio\nasync def f():\n    await asyncio.sleep(0)\n    return 1\nprint(asyncio.run(f()))",
    "asyncio interrupted": "import asyncio, os, signal\nasync def f():\n    os.kill(os.getpid(), signal.SIGINT)\n    await asyncio.sleep(5)\ntry: asyncio.run(f())\nexcept KeyboardInterrupt: print('caught')",
    "alarm": "import signal, time\nsignal.signal(signal.SIGALRM, lambda *a: print('rang'))\nsignal.setitimer(signal.ITIMER_REAL, .05)\ntime.sleep(.3)",
    "trace function": "import sys\nlines = []\nsys.settrace(lambda f, e, a: lines.append(f.f_code.co_name))\ndef g(): pass\ng()\nsys.settrace(None)\nprint(lines)",
    "faulthandler": "import faulthandler, sys\nprint(faulthandler.is_enabled())",
    "tracemalloc": "import tracemalloc\ntracemalloc.start()\nprint(tracemalloc.is_tracing())",
    "pdb at the end": "import pdb, sys\nprint('ends', hasattr(sys, 'last_value'))",
    "exception in the import of a module": "try: import broken\nexcept ZeroDivisionError as e:\n    import traceback; traceback.print_tb(e.__traceback__)",
}  # fmt: skip
BESIDE = {
    "beside.py": "import sys, warnings\nargv = sys.argv\ndef old(): warnings.warn('beside', DeprecationWarning, stacklevel=2)\n",
    "broken.py": "1/0\n",
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_surroundings(same: Same, program: str) -> None:
    same({**BESIDE, "x.py": PROGRAMS[program]}, "x.py", stdin=b"text", env={"PYTHONHASHSEED": "3"})


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
    assert ours == plain
