"""`diagnose show` and `diagnose rules` on a recorded run, with rules of this test's own."""

import importlib
import json
from collections.abc import Iterator

import pytest

from diagnose import settings
from diagnose.cli import main
from diagnose.finding import Evidence, Finding
from diagnose.record.writer import Writer
from diagnose.rules import Rule
from diagnose.run import Training


def loud_loss(training: Training, *, limit: float = 2.0) -> Iterator[Finding]:
    """The loss is large.

    What it does:
        Looks at the largest loss.
    """
    loss = training.series("loss")
    top = float(loss.values.max())
    if top > limit:
        seen = Evidence("loss", None, loss.span, top, "above", limit, statistic="max")
        yield Finding(f"loss reaches {top:.1f} against {limit}", ("net",), (seen,), severity="warning", steps=loss.span)


RULE = Rule("loud-loss", "curves", loud_loss, ("loss",), (), None)


@pytest.fixture(autouse=True)
def one_rule(monkeypatch):
    monkeypatch.setattr("diagnose.rules.all_rules", lambda: {"loud-loss": RULE})
    module = importlib.import_module("diagnose.judge")  # `diagnose.judge` is the function of this name
    monkeypatch.setattr(module, "all_rules", lambda: {"loud-loss": RULE})
    monkeypatch.setattr(settings, "rules_known", lambda: {"loud-loss": ("curves", {"limit": 2.0})})


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A folder with a program and its run, whose loss falls from 3 to 1."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text("pass\n")
    writer = Writer.create(tmp_path, "train.py", ["--lr", "1"], facts={"cwd": str(tmp_path)})
    writer.stream(0, type="SGD", settings={"lr": 1.0}, networks=["net"])
    writer.quantity("loss", "step", "loss")
    for tick, loss in enumerate((3.0, 2.0, 1.0)):
        writer.step(tick, 0, loss=loss, learning_rate=1.0)
    writer.close("finished", 0, None)
    return writer.path


def call(*arguments: str) -> int:
    """The exit status of `diagnose …`."""
    try:
        main(list(arguments))
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def test_shows_the_latest_run_on_stdout(recorded, capsys):
    assert call("show") == 0
    told = capsys.readouterr()
    assert told.out.startswith("diagnose: warning: loud loss in net\n")
    assert f"run: .diagnose/{recorded.name}\n" in told.out
    assert told.err == ""


def test_shows_the_run_that_is_named(recorded, capsys):
    assert call("show", str(recorded)) == 0
    assert "warning[loud-loss]: loss reaches 3.0 against 2.0" in capsys.readouterr().out


def test_json_on_stdout(recorded, capsys):
    assert call("show", "--format", "json", "--set", "loud-loss.limit=2.5") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["findings"][0]["evidence"][0]["limit"] == 2.5
    assert document["run"]["settings"]["thresholds"] == {"loud-loss": {"limit": 2.5}}


def test_files_are_written_and_told_on_stderr(recorded, capsys, tmp_path):
    assert call("show", "-o", "a.json", "-o", "b.txt") == 0
    assert json.loads((tmp_path / "a.json").read_text())["verdict"]["level"] == "warning"
    assert (tmp_path / "b.txt").read_text().startswith("diagnose: warning")
    assert capsys.readouterr().err == "wrote: a.json\nwrote: b.txt\n"


def test_quiet(recorded, capsys):
    assert call("show", "-q", "--fail-on", "warning", "-o", "a.json") == 3
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("options", "status"),
    [
        (["--fail-on", "error"], 0),
        (["--fail-on", "warning"], 3),
        (["--fail-on", "warning", "--set", "loud-loss.limit=9"], 0),
        (["--fail-on", "warning", "--ignore", "curves"], 0),
        (["--fail-on", "warning", "--ignore", "loud-loss:net"], 0),
        (["-o", "train.py/x.json"], 1),
        (["--fail-on", "warning", "-o", "train.py/x.json"], 3),
        (["-o", "x.unknown"], 2),
        (["--set", "loud-los.limit=9"], 2),
        (["--set", "nonsense"], 2),
        (["--fail-on", "note"], 2),
        (["nowhere"], 1),
    ],
)
def test_exit_status(recorded, options, status):
    assert call("show", *options) == status


def test_errors_are_one_line(recorded, capsys):
    call("show", "--set", "loud-los.limit=9")
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == "diagnose: expected a rule for --set, found 'loud-los'; the nearest is 'loud-loss'\n"


def test_obeys_the_project_of_the_program(recorded, tmp_path, capsys):
    (tmp_path / "pyproject.toml").write_text("[tool.diagnose]\nignore = ['loud-loss']\n")
    assert call("show", "--fail-on", "warning", "--format", "json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["suppressed"] == [{"rule": "loud-loss", "by": "pyproject.toml"}]


def test_the_schema_is_printed(capsys):
    from diagnose.report import json as reporter

    assert call("show", "--schema") == 0
    assert capsys.readouterr().out == reporter.schema()


def test_rules_are_listed_with_what_they_say_of_themselves(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("rules") == 0
    assert "curves:\n  loud-loss  The loss is large.\n" in capsys.readouterr().out
    assert call("rules", "--ignore", "curves") == 0
    assert "The loss is large. (ignored here)" in capsys.readouterr().out


def test_a_rule_is_explained_with_the_thresholds_in_force(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text("[tool.diagnose.loud-loss]\nlimit = 7\n")
    assert call("rules", "loud-loss") == 0
    told = capsys.readouterr().out
    assert "What it does:\n    Looks at the largest loss." in told
    assert "limit = 7.0  (pyproject.toml; default 2.0)" in told
    assert call("rules", "loud-loss", "--set", "loud-loss.limit=8") == 0
    assert "limit = 8.0  (--set; default 2.0)" in capsys.readouterr().out


def test_an_unknown_rule_is_one_line_with_the_nearest(capsys):
    assert call("rules", "loud-los") == 2
    assert capsys.readouterr().err == "diagnose: expected a rule, found 'loud-los'; the nearest is 'loud-loss'\n"


@pytest.mark.parametrize("width", [30, 60, 200])
def test_the_table_fits(monkeypatch, capsys, tmp_path, width):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setattr(loud_loss, "__doc__", f"{'Long words ' * 12}end.")
    assert call("rules") == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= max(width, 40)
