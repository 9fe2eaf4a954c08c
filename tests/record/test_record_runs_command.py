"""`diagnose runs` as a user sees it."""

from pathlib import Path

import pytest

from diagnose.cli import main
from diagnose.record.writer import Writer


def told(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[str], str]:
    main(["runs", *arguments])
    out, err = capsys.readouterr()
    return out.splitlines(), err


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_no_runs(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = told(capsys)
    assert out == [] and err == "no runs here; record one with `diagnose run train.py`\n"


def test_lists_and_removes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    first = Writer.create(tmp_path, "train.py", ["--lr", "0.1", "--token", "abc"])
    for i in range(7):
        first.step(i, i % 2, loss=1.0)
    first.close("finished", 0, verdict={"level": "error", "text": "dead units in net.0"})
    second = Writer.create(tmp_path, "odd\x1b[31m.py", [])
    second.flush()
    broken = tmp_path / ".diagnose" / "broken-20200101T000000-1"
    broken.mkdir()
    (broken / "rank0.sqlite").write_text("no")
    out, _ = told(capsys)
    assert out[0].split() == ["STARTED", "STATE", "STEPS", "PROGRAM", "RUN", "VERDICT"]
    assert len(out) == 4 and "unreadable" in out[3] and "another kind of file" in out[3]
    of_first = next(line for line in out if "train.py" in line)
    assert "finished" in of_first and " 7 " in of_first and of_first.endswith("dead units in net.0")
    assert f".diagnose/{first.path.name}" in of_first and "abc" not in of_first
    assert "running" in out[1] + out[2] and "\x1b" not in "".join(out)
    of_second = next(line for line in out if "running" in line)
    assert of_second.split(second.path.name)[1].strip(), "a run that keeps no verdict is judged"
    out, err = told(capsys, "--keep", "0")
    assert err == "removed 2 runs\n" and len(out) == 2 and "running" in out[1]
    second.close("finished", 0)


def test_a_negative_number_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["runs", "--keep", "-1"])
    assert caught.value.code == 2
