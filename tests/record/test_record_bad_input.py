"""Whatever is given as a run: read, or refused in one line."""

import os
import shutil
import sqlite3
from pathlib import Path

import pytest

import diagnose
from diagnose.errors import DiagnoseError, RunError, UsageError
from diagnose.record.runs import find_run, list_runs, remove_runs
from diagnose.record.writer import Writer


@pytest.fixture
def file(tmp_path: Path) -> Path:
    writer = Writer.create(tmp_path, "train.py", [])
    for i in range(2000):
        writer.step(i, 0, loss=1.0, seconds=0.1)
    layout = writer.layout("layers", ["a", "b"])
    writer.vector(0, 0, "q", layout, b"\0" * 8)
    writer.close("finished", 0)
    return writer.file


def refusal(path: Path) -> str:
    with pytest.raises(RunError) as caught:
        diagnose.load(path)
    text = str(caught.value)
    assert "\n" not in text and text.startswith("expected") and str(path) in text
    assert caught.value.status == 1 and isinstance(caught.value, DiagnoseError)
    return text


def change(file: Path, *statements: str) -> None:
    connection = sqlite3.connect(file)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_missing(tmp_path: Path) -> None:
    assert "found nothing" in refusal(tmp_path / "nowhere")


def test_empty_file(file: Path) -> None:
    file.write_bytes(b"")
    assert "empty" in refusal(file)


def test_another_kind_of_file(file: Path) -> None:
    file.write_text("loss 0.3\n" * 100)
    assert "another kind of file" in refusal(file)


def test_another_database(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    change(other, "CREATE TABLE x (y)")
    assert "another database" in refusal(other)


def test_database_without_tables(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    change(other, "PRAGMA user_version = 3")
    assert "without a table" in refusal(other)


@pytest.mark.parametrize("share", [0.001, 0.02, 0.3, 0.6, 0.9])
def test_truncated(file: Path, share: float) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[: max(10, int(len(whole) * share))])
    assert "damaged" in refusal(file)


def test_overwritten_in_the_middle(file: Path) -> None:
    whole = bytearray(file.read_bytes())
    whole[4096:-1] = os.urandom(len(whole) - 4097)
    file.write_bytes(whole)
    assert "damaged" in refusal(file)


def test_newer_schema(file: Path) -> None:
    change(file, "UPDATE schema SET version = 99")
    text = refusal(file)
    assert "expected a run of schema 1, found schema 99" in text and "upgrade" in text


def test_schema_that_is_no_number(file: Path) -> None:
    change(file, "DELETE FROM schema")
    assert "found schema None" in refusal(file)


@pytest.mark.parametrize("table", ["steps", "vectors", "facts"])
def test_missing_table(file: Path, table: str) -> None:
    change(file, f"DROP TABLE {table}")
    assert table in refusal(file)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO facts VALUES ('x', '{broken')",
        "UPDATE vectors SET data = x'00'",
        "UPDATE layouts SET sizes = '[-1, 3]'",
        "UPDATE layouts SET sizes = '[1000000000000, 3]'",
        "UPDATE layouts SET places = '7'",
        "UPDATE vectors SET layout = 17",
        "INSERT INTO items VALUES (0, 'layer', 'a', 0, '[1]')",
        "INSERT INTO streams VALUES (0, '3')",
        "UPDATE steps SET tick = 'x' WHERE tick = 3",
        "INSERT INTO hashes (stream, set_id, data) VALUES (0, 'train', x'0102')",
        "INSERT INTO hashes VALUES (0, 'train', x'0102', 1)",
    ],
)
def test_contents_that_make_no_sense(file: Path, statement: str) -> None:
    change(file, statement)
    assert "damaged" in refusal(file)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_no_permission(file: Path) -> None:
    file.chmod(0)
    assert "permission" in refusal(file)


def test_no_permission_as_the_system_tells_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    assert "permission" in refusal(file)


def test_folder_without_runs(tmp_path: Path) -> None:
    assert "without one" in refusal(tmp_path)


def test_nothing_recorded_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="found none"):
        diagnose.load()


def test_a_folder_that_cannot_be_changed_is_read(file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "readonly"
    shutil.copytree(file.parent, folder)
    (folder / "rank0.sqlite").chmod(0o444)
    folder.chmod(0o555)
    try:
        assert diagnose.load(folder).trainings[0].steps == 2000
    finally:
        folder.chmod(0o755)


def test_any_of_the_ways_to_name_a_run(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for given in (None, file, file.parent, tmp_path, tmp_path / ".diagnose", str(file)):
        assert diagnose.load(given).trainings[0].steps == 2000


def test_the_latest_run_is_found_and_old_ones_removed(tmp_path: Path) -> None:
    writers = [Writer.create(tmp_path, "train.py", []) for _ in range(4)]
    for number, writer in enumerate(writers[:3]):
        writer.close("finished", 0)
        stamp = f"20260101T00000{number}"
        os.rename(writer.path, writer.path.parent / f"train-{stamp}-1")
    running = writers[3].path
    (tmp_path / ".diagnose" / "not-a-run").mkdir()
    assert writers[3].flush()
    found = [path.name for path in list_runs(tmp_path)]
    assert found == [running.name, "train-20260101T000002-1", "train-20260101T000001-1", "train-20260101T000000-1"]
    assert find_run(tmp_path) == running
    assert [path.name for path in remove_runs(2, tmp_path)] == ["train-20260101T000001-1", "train-20260101T000000-1"]
    remove_runs(0, tmp_path)
    assert list_runs(tmp_path) == [running]  # still being written
    writers[3].close("finished", 0)
    remove_runs(0, tmp_path)
    assert list_runs(tmp_path) == [] and (tmp_path / ".diagnose" / "not-a-run").is_dir()
    with pytest.raises(UsageError):
        remove_runs(-1, tmp_path)
