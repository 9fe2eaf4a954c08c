"""The program ends as under plain python: status, traceback, signals, handlers, late threads."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .processes import Driver, Outcome, Same, outcome, programs

PROGRAMS = programs("endings.txt")
BESIDE = {"other.py": "def f():\n    raise ValueError('far')\n", "broken.py": "1/0\n", "wrong.py": "x ===\n"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_ending(same: Same, program: str) -> None:
    same({**BESIDE, "x.py": PROGRAMS[program]}, "x.py")


@pytest.mark.parametrize(
    "program", ["exception", "exit with a number", "Ctrl-C raised", "own hook", "atexit and pickle"]
)
@pytest.mark.parametrize("target", ["folder", "module"])
def test_ending_of_other_targets(same: Same, program: str, target: str) -> None:
    file, command = ("app/__main__.py", ("app",)) if target == "folder" else ("pkg/mod.py", ("-m", "pkg.mod"))
    same({file: PROGRAMS[program]}, *command)


RECORDED = [
    "exit with a number", "exception", "own hook", "Ctrl-C raised", "Ctrl-C forgotten", "SIGTERM", "exit at once", "atexit and pickle",
    "late thread that fails", "child that fails", "child that reaches the last line",
]  # fmt: skip


@pytest.mark.parametrize("program", RECORDED)
def test_ending_while_a_run_is_recorded(same: Same, program: str) -> None:
    same({**BESIDE, "x.py": PROGRAMS[program]}, "x.py", recorded=True)


def interrupted(command: list[str], folder: Path, times: int) -> Outcome:
    """Start the command; after each line that says so on stdout, send it Ctrl-C."""
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout and process.stderr
        seen = b""
        for _ in range(times):
            seen += process.stdout.readline()
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=20)
    return Outcome(process.returncode, seen + stdout, stderr)


def test_ctrl_c_from_outside(tmp_path: Path) -> None:
    (tmp_path / "x.py").write_text("import time\nprint('ready', flush=True)\ntime.sleep(30)\n")
    plain = interrupted([sys.executable, "x.py"], tmp_path, 1)
    ours = interrupted([sys.executable, "-m", "diagnose", "run", "-q", "x.py"], tmp_path, 1)
    assert plain.status == -signal.SIGINT
    assert ours == plain


def test_second_ctrl_c_ends_the_report(tmp_path: Path, driver: Driver) -> None:
    slow = """
def on_end(end):
    import time
    print("reporting", end.state, flush=True)
    time.sleep(30)
    print("never")
"""
    command = driver("import time\nprint('ready', flush=True)\ntime.sleep(30)\n", slow)
    start = time.monotonic()
    seen = interrupted(command, tmp_path, 2)
    assert seen.status == -signal.SIGINT
    assert seen.stdout == b"ready\nreporting interrupted\n"
    assert seen.stderr.endswith(
        b"KeyboardInterrupt\ndiagnose: interrupted: the report is not complete; the run is kept\n"
    )
    assert time.monotonic() - start < 10


ENDS = {
    "x = 1": ("finished 0 None", 0),
    "raise SystemExit": ("finished 0 None", 0),
    "raise SystemExit(256)": ("finished 0 None", 0),
    "raise SystemExit(3)": ("failed 3 None", 3),
    "raise SystemExit('no data')": ("failed 1 SystemExit: no data", 1),
    "raise ValueError('two\\nlines')": ("failed 1 ValueError: two lines", 1),
    "import json; json.loads('')": (
        "failed 1 json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
        1,
    ),
    "class Own(Exception): pass\nraise Own": ("failed 1 Own", 1),
    "class Bad(Exception):\n    def __str__(self): 1/0\nraise Bad": ("failed 1 Bad: <exception str() failed>", 1),
    "x = = 1": ("failed 1 SyntaxError: invalid syntax (program.py, line 1)", 1),
    "raise KeyboardInterrupt": ("interrupted 130 KeyboardInterrupt", -signal.SIGINT),
    "import sys\nsys.excepthook = lambda *a: sys.exit(9)\n1/0": ("failed 9 ZeroDivisionError: division by zero", 9),
}  # fmt: skip


@pytest.mark.parametrize("program", ENDS)
def test_end_says_how_it_ended(tmp_path: Path, driver: Driver, program: str) -> None:
    expected, status = ENDS[program]
    seen = outcome(driver(program), tmp_path)
    assert seen.status == status
    assert seen.stderr.decode().splitlines()[-1] == f"end {expected}"
    assert (b"main end" in seen.stderr) == expected.startswith("finished")


def test_long_exception_texts_are_cut(tmp_path: Path, driver: Driver) -> None:
    seen = outcome(driver("raise ValueError('x' * 10_000)"), tmp_path)
    assert len(seen.stderr.decode().splitlines()[-1]) < 600


def test_order_of_the_ending(tmp_path: Path, driver: Driver) -> None:
    program = """
import atexit, sys, threading, time
def say(what): print(what, file=sys.stderr, flush=True)
mark = "of the program"
atexit.register(say, "atexit")
threading.Thread(target=lambda: (threading.main_thread().join(), say("thread"))).start()
class A:
    def __del__(self): say("gone")
a = A()
say("last line")
"""
    seen = outcome(driver(program), tmp_path)
    assert seen.stderr.decode().split("\n") == [
        "last line", "main end of the program", "thread", "atexit", "end finished 0 None", "gone", ""
    ]  # fmt: skip
    failed = outcome(driver(program + "1/0\n"), tmp_path).stderr.decode().split("\n")
    assert failed[0] == "last line"
    assert failed[-6:] == [
        "ZeroDivisionError: division by zero", "thread", "atexit",
        "end failed 1 ZeroDivisionError: division by zero", "gone", "",
    ]  # fmt: skip


MAIN_END_FAILS = "def on_main_end(namespace): namespace['train']()"


@pytest.mark.parametrize("leave", ["", "raise SystemExit(0)"])
def test_an_exception_at_the_end_of_main_is_the_program_s_own(tmp_path: Path, driver: Driver, leave: str) -> None:
    seen = outcome(driver(f"def train():\n    raise ValueError('of the model')\n{leave}", MAIN_END_FAILS), tmp_path)
    lines = seen.stderr.decode().splitlines()
    assert seen.status == 1
    assert lines[0] == "Traceback (most recent call last):"
    assert lines[-1] == "end failed 1 ValueError: of the model"
    assert not [line for line in lines if "SystemExit" in line or "execute.py" in line]


def test_ctrl_c_at_the_end_of_main_interrupts_the_program(tmp_path: Path, driver: Driver) -> None:
    seen = outcome(driver("def train():\n    raise KeyboardInterrupt", MAIN_END_FAILS), tmp_path)
    assert seen.status == -signal.SIGINT
    assert seen.stderr.decode().splitlines()[-1] == "end interrupted 130 KeyboardInterrupt"


WANTS_3 = "def on_end(end):\n    say('end', end.state)\n    return 3"


@pytest.mark.parametrize(
    ("program", "status"), [("", 3), ("raise SystemExit(0)", 3), ("raise SystemExit(2)", 2), ("1/0", 1)]
)
def test_a_status_of_ours_replaces_only_success(tmp_path: Path, driver: Driver, program: str, status: int) -> None:
    seen = outcome(
        driver("import sys\nprint('text not flushed yet')\nsys.stderr.write('and this')\n" + program, WANTS_3), tmp_path
    )
    assert seen.status == status
    assert seen.stdout == b"text not flushed yet\n"
    assert b"and this" in seen.stderr


def test_a_failing_end_never_changes_the_program_s_status(tmp_path: Path, driver: Driver) -> None:
    told = outcome(
        driver("", "from diagnose.errors import DiagnoseError\ndef on_end(end): raise DiagnoseError('disk\\nfull')"),
        tmp_path,
    )
    assert (told.status, told.stderr) == (0, b"main end None\ndiagnose: disk full\n")
    bug = outcome(driver("", "def on_end(end): 1/0"), tmp_path)
    assert bug.status == 0
    assert bug.stderr.endswith(b"ZeroDivisionError: division by zero\n")


def test_nothing_of_ours_runs_in_forked_children(tmp_path: Path, driver: Driver) -> None:
    program = """
import os, sys
sys.path.insert(0, "fake")
child = os.fork()
if child == 0:
    import torch
    print(torch.mark, flush=True)
else:
    os.waitpid(child, 0)
"""
    (tmp_path / "fake").mkdir()
    (tmp_path / "fake/torch.py").write_text("mark = 'in the child'\n")
    seen = outcome(driver(program, WANTS_3), tmp_path)
    assert seen.stdout == b"in the child\n"
    assert seen.stderr == b"main end None\nend finished\n"


SILENT = "def on_main_end(namespace): pass"


@pytest.mark.parametrize("replaced", ["open('log', 'w')", "None", "type('Odd', (), {})()"])
def test_the_end_can_speak_whatever_the_program_did_to_stderr(tmp_path: Path, driver: Driver, replaced: str) -> None:
    seen = outcome(
        driver(
            f"import sys\nsys.stderr = {replaced}\nsys.stderr and hasattr(sys.stderr, 'close') and sys.stderr.close()",
            SILENT,
        ),
        tmp_path,
    )
    assert seen.stderr.decode().endswith("end finished 0 None\n")


@pytest.mark.parametrize("closing", ["sys.stderr.close()", "os.close(2)", "sys.__stderr__ = sys.stderr = None"])
def test_the_end_survives_a_missing_stderr(tmp_path: Path, driver: Driver, closing: str) -> None:
    done = "def on_main_end(namespace): pass\ndef on_end(end):\n    open('done', 'w').close()\n    say(1)"
    outcome(driver(f"import os, sys\n{closing}", done), tmp_path)
    assert os.path.exists(tmp_path / "done")


def test_reports_import_their_own_libraries_not_the_program_s(tmp_path: Path, driver: Driver) -> None:
    (tmp_path / "click.py").write_text("mark = 'own'\n")
    (tmp_path / "html.py").write_text("mark = 'own'\n")
    (tmp_path / "beside.py").write_text("mark = 'own'\n")
    program = (
        "import atexit, click, html, beside, sys\natexit.register(lambda: print(click.mark, html.mark, sys.path[0]))"
    )
    changes = (
        "def on_end(end):\n    import beside, click, html\n    say(click.Group.__name__, html.escape('<'), beside.mark)"
    )
    seen = outcome(driver(program, changes), tmp_path)
    assert seen.stdout.decode() == f"own own {tmp_path}\n"
    assert seen.stderr.decode() == "main end None\nGroup &lt; own\n"
