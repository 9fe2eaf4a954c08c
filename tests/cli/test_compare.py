"""`diagnose compare` on recorded runs."""

import json
from pathlib import Path

import pytest
from test_report import call

from diagnose.record.writer import Writer


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Two runs that differ from the second step on."""
    monkeypatch.chdir(tmp_path)
    paths = []
    for name, losses in (("a", (3.0, 2.0, 1.0)), ("b", (3.0, 1.0, 0.5))):
        (tmp_path / name).mkdir()
        writer = Writer.create(tmp_path / name, "train.py", [], facts={"cwd": str(tmp_path)})
        writer.stream(0, type="SGD", settings={"lr": 1.0}, networks=["net"])
        writer.quantity("loss", "step", "loss")
        for tick, loss in enumerate(losses):
            writer.step(tick, 0, loss=loss, learning_rate=1.0)
        writer.close("finished", 0, None)
        paths.append(str(writer.path))
    return paths


def test_the_difference_is_printed(two, capsys):
    assert call("compare", *two) == 0
    said = capsys.readouterr().out
    assert "the loss differs from step 1 on" in said and "training loss at the end  1 → 0.5" in said


def test_files_are_written_by_their_suffix(two):
    assert call("compare", *two, "-o", "made/c.json", "-o", "c.html", "-o", "c.txt") == 0
    assert json.loads(Path("made/c.json").read_text())["partings"][0]["step"] == 1
    assert Path("c.html").read_text().startswith("<!DOCTYPE html>")
    assert "where they part" in Path("c.txt").read_text()


def test_other_suffixes_and_missing_runs_are_refused(two, capsys):
    assert call("compare", *two, "-o", "c.pdf") == 2
    assert call("compare", two[0], "nowhere") == 1
    assert "expected" in capsys.readouterr().err
