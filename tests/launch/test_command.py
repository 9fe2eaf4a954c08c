"""`diagnose run ...`: what belongs to us, what to the program, and how mistakes are told."""

import functools
import subprocess
import sys
from pathlib import Path

import pytest

from diagnose.cli import main
from diagnose.cli._group import commands
from diagnose.cli.run import Plan, go
from diagnose.launch import Target


def plan(*arguments: str) -> Plan:
    action = commands.main(["run", *arguments], prog_name="diagnose", standalone_mode=False)
    assert isinstance(action, functools.partial)
    assert action.func is go
    return action.args[0]  # type: ignore[no-any-return]


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").touch()
    return tmp_path / "train.py"


WHOSE = {
    "train.py": Target("path", "train.py"),
    "train.py --help -q -o x -m": Target("path", "train.py", ("--help", "-q", "-o", "x", "-m")),
    "-q train.py -- --a": Target("path", "train.py", ("--", "--a")),
    "-- train.py --a": Target("path", "train.py", ("--a",)),
    "-q -- train.py": Target("path", "train.py"),
    "-m pkg": Target("module", "pkg"),
    "-m pkg.mod --lr 1 -q -m x": Target("module", "pkg.mod", ("--lr", "1", "-q", "-m", "x")),
    "-m pkg -- a": Target("module", "pkg", ("--", "a")),
    "-mpkg a": Target("module", "pkg", ("a",)),
    "-qm pkg a -q": Target("module", "pkg", ("a", "-q")),
    "-qmpkg --help": Target("module", "pkg", ("--help",)),
    "-o -m.json -m pkg a": Target("module", "pkg", ("a",)),
    "--output -m.json train.py": Target("path", "train.py"),
    "--output=-m.json train.py -m": Target("path", "train.py", ("-m",)),
    "-o-m.json train.py": Target("path", "train.py"),
    "-qo -m.json train.py": Target("path", "train.py"),
    "--every 3 --no-train train.py": Target("path", "train.py"),
    "--set dead-units.share=0.5 -m m --set x": Target("module", "m", ("--set", "x")),
}


@pytest.mark.parametrize("typed", WHOSE)
def test_everything_after_the_program_is_the_program_s(typed: str) -> None:
    assert plan(*typed.split()).target == WHOSE[typed]


def test_options(tmp_path: Path) -> None:
    given = plan(
        *(
            "-o",
            "a.json",
            "-o",
            "sub/b.json",
            "-q",
            "--every",
            "5",
            "--no-train",
            "--fail-on",
            "warning",
            "--no-source",
        ),
        *("--no-samples", "--set", "dead-units.share=0.5", "--select", "loss", "--select", "dead-units"),
        *("--ignore", "curves", "--strict", "train.py"),
    )
    assert (given.every, given.fail_on) == (5, "warning")
    assert (given.quiet, given.train, given.source, given.samples) == (True, False, False, False)
    assert given.strict is True
    assert [output.path for output in given.outputs] == [tmp_path / "a.json", tmp_path / "sub/b.json"]
    assert given.rules.thresholds["dead-units"] == {"share": 0.5}
    assert given.rules.select == ("loss", "dead-units")
    assert given.rules.ignore == ("curves",)
    assert [output.format for output in plan("-o", "x", "--format", "json", "train.py").outputs] == ["json"]
    assert plan("train.py") == Plan(Target("path", "train.py"))


MISTAKES = {
    "--evry 3 train.py": "No such option '--evry'. Did you mean '--every'?",
    "--every 0 train.py": "'--every': 0 is not in the range",
    "--every": "'--every' requires an argument",
    "--fail-on note train.py": "'note' is not one of 'error', 'warning'",
    "--set a=1 train.py": "expected rule.name=value, such as dead-units.share=0.5, found 'a=1'",
    "--set a.b train.py": "expected rule.name=value",
    "--format json train.py": "--format needs exactly one -o, got 0",
    "": "expected a program to run",
    "-m": "requires an argument",
    "-": "a program on stdin cannot be run",
    "nosuch.py": "can't open file '{here}/nosuch.py': [Errno 2] No such file or directory",
    "torchrun --nproc-per-node=2 train.py": "torchrun --nproc-per-node=2 -m diagnose run train.py",
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_is_told_in_one_line_with_status_2(
    typed: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["run", *typed.split()])
    shown = capsys.readouterr()
    assert caught.value.code == 2
    assert shown.out == ""
    assert shown.err.startswith("diagnose: ")
    assert shown.err.count("\n") == 1
    assert MISTAKES[typed].format(here=tmp_path) in shown.err


def test_an_unreadable_program(
    program: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("io.open_code", refused)
    with pytest.raises(SystemExit) as caught:
        main(["run", "train.py"])
    assert caught.value.code == 2
    assert capsys.readouterr().err == f"diagnose: can't open file '{program}': [Errno 13] Permission denied\n"


@pytest.mark.parametrize(
    ("arguments", "status"), [(["--version"], 0), (["--help"], 0), (["run", "--help"], 0), ([], 2)]
)
def test_help(arguments: list[str], status: int) -> None:
    done = subprocess.run([sys.executable, "-m", "diagnose", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == status
    assert "diagnose" in (done.stdout if status == 0 else done.stderr)
    assert (done.stderr if status == 0 else done.stdout) == ""


def test_commands_are_found_by_their_file_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import diagnose.cli

    texts = {
        "added": "import click\nfrom diagnose.errors import DiagnoseError\n"
        "@click.command()\n@click.argument('kind')\ndef added(kind):\n"
        "    'Added.'\n    if kind == 'told': raise DiagnoseError('two\\nlines')\n    if kind == 'bug': 1/0\n"
        "    if kind == 'status': click.get_current_context().exit(4)\n    print('did', kind)\n",
        "beside": "added = 1\n",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(diagnose.cli, "__path__", [*diagnose.cli.__path__, str(tmp_path)])
    main(["added", "work"])
    assert capsys.readouterr().out == "did work\n"
    with pytest.raises(SystemExit) as told:
        main(["added", "told"])
    assert (told.value.code, capsys.readouterr().err) == (1, "diagnose: two lines\n")
    with pytest.raises(SystemExit) as status:
        main(["added", "status"])
    assert status.value.code == 4
    with pytest.raises(ZeroDivisionError):
        main(["added", "bug"])
    main(["--help"])
    shown = capsys.readouterr().out
    assert any(line.split() == ["added", "Added."] for line in shown.splitlines())
    assert "beside" not in shown
    with pytest.raises(SystemExit) as unknown:
        main(["beside"])
    assert unknown.value.code == 2
