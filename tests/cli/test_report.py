"""`diagnose report`, and `diagnose show` on a page."""

import json
from pathlib import Path

import pytest

from diagnose.cli import main
from diagnose.record.writer import Writer


@pytest.fixture
def recorded(tmp_path, monkeypatch):
    """A run whose loss falls from 3 to 1, in the current folder."""
    monkeypatch.chdir(tmp_path)
    writer = Writer.create(tmp_path, "train.py", [], facts={"cwd": str(tmp_path)})
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


def test_the_page_of_the_latest_run_is_written_beside_it(recorded, capsys):
    assert call("report") == 0
    page = Path(capsys.readouterr().out.strip())
    assert page == recorded.with_name(recorded.name + ".html")
    assert page.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_the_page_of_a_run_is_written_where_it_is_asked_for(recorded, capsys, tmp_path):
    assert call("report", str(recorded), "-o", "made/page.html") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'made' / 'page.html'}\n"
    assert (tmp_path / "made" / "page.html").is_file()


def test_the_page_is_opened_on_demand_only(recorded, monkeypatch):
    seen = []
    monkeypatch.setattr("webbrowser.open", lambda address: not seen.append(address))
    assert call("report") == 0 and not seen
    assert call("report", "--open") == 0
    assert seen == [recorded.with_name(recorded.name + ".html").as_uri()]


def test_other_formats_are_refused(recorded, capsys):
    assert call("report", "-o", "page.pdf") == 2
    assert "ends in .html" in capsys.readouterr().err


def test_a_page_that_can_not_be_written_is_told_in_a_line(recorded, capsys, tmp_path):
    (tmp_path / "file").write_text("")
    assert call("report", "-o", "file/page.html") == 1
    assert "could not write" in capsys.readouterr().err


def test_no_run_is_told_in_a_line(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert call("report") == 1
    assert "expected a run" in capsys.readouterr().err


def test_show_writes_the_same_page_by_its_suffix(recorded, tmp_path):
    assert call("show", "-q", "-o", "a.html") == 0
    assert call("report", "-o", "b.html") == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_a_page_gives_its_json_back(recorded, capsys, tmp_path):
    assert call("show", "--format", "json") == 0
    told = json.loads(capsys.readouterr().out)
    assert call("report", "-o", "page.html") == 0
    capsys.readouterr()
    assert call("show", "page.html", "--format", "json") == 0
    assert json.loads(capsys.readouterr().out) == told
    assert call("show", "page.html", "-o", "back.json") == 0
    assert json.loads((tmp_path / "back.json").read_text()) == told


@pytest.mark.parametrize("arguments", [(), ("--format", "terminal"), ("-o", "x.md")])
def test_a_page_gives_back_json_only(recorded, capsys, arguments):
    assert call("report", "-o", "page.html") == 0
    assert call("show", "page.html", *arguments) == 2
    assert "--format json" in capsys.readouterr().err


def test_another_page_is_told_in_a_line(recorded, capsys):
    Path("other.html").write_text("<p>hello")
    assert call("show", "other.html", "--format", "json") == 1
    assert "page that diagnose wrote" in capsys.readouterr().err


def test_figures_go_into_a_folder(recorded, capsys, tmp_path):
    assert call("report", "-o", "made/", "--format", "png") == 0
    assert capsys.readouterr().out == f"{tmp_path / 'made'}\n"
    assert (tmp_path / "made" / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert call("show", "-o", "made", "--format", "svg") == 0
    assert "wrote: made (" in capsys.readouterr().err
    assert (tmp_path / "made" / "loss.svg").read_text(encoding="utf-8").startswith("<?xml")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("report", "--format", "png"), "the folder for the figures"),
        (("report", "-o", "loss.png", "--format", "png"), "figures are many files"),
        (("report", "-o", "file", "--format", "svg"), "figures are many files"),
        (("report", "-o", "folder/"), "--format png or svg"),
        (("report", "-o", "made", "--format", "png", "--open"), "--open with a page"),
        (("show", "-o", "folder"), "--format png or svg"),
        (("show", "--format", "png"), "the folder for the figures"),
        (("run", "-o", "folder/", "train.py"), "--format png or svg"),
    ],
)
def test_what_is_no_folder_for_figures_is_told_in_a_line(recorded, capsys, tmp_path, arguments, said):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    (tmp_path / "train.py").write_text("")
    assert call(*arguments) == 2
    told = capsys.readouterr().err
    assert said in told and told.count("\n") == 1
