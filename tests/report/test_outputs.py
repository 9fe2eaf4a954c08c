"""Where the diagnosis goes: the stream, the files, the exit status."""

import io
import json
import os
import pty
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from diagnose.cli._outputs import Output, resolve, tell
from diagnose.errors import UsageError
from diagnose.report import format_of, reporters


def test_reporters_are_found_by_looking():
    assert {"json", "terminal"} <= set(reporters())
    assert "words" not in reporters()
    assert format_of("out.JSON") == "json"
    assert format_of("out.sarif.json") == "sarif"
    assert format_of("out.unknown") is None


def test_no_two_formats_have_one_suffix():
    suffixes = [suffix for reporter in reporters().values() for suffix in reporter.SUFFIXES]
    assert len(suffixes) == len(set(suffixes))


def test_files_are_resolved_before_the_program_changes_folder(diagnosis, tmp_path, monkeypatch):
    outputs = resolve(["a.json", "b.txt"], None)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    tell(diagnosis, outputs=outputs, stream=io.StringIO())
    assert json.loads((tmp_path / "a.json").read_text())["schema"] == 1
    assert (tmp_path / "b.txt").read_text().startswith("diagnose: error:")


@pytest.mark.parametrize(
    ("files", "format", "said"),
    [
        (["out.xyz"], None, "out.xyz"),
        (["out"], None, "--format"),
        (["out.json"], "xyz", "xyz"),
        (["a.json", "b.json"], "json", "--format speaks of one -o"),
        (["."], "json", "folder"),
    ],
)
def test_what_can_not_be_written_is_refused_at_once(files, format, said):
    with pytest.raises(UsageError, match=said):
        resolve(files, format)


def test_format_overrides_the_suffix(tmp_path):
    assert resolve([str(tmp_path / "a.txt")], "json") == (Output(tmp_path / "a.txt", "json"),)


@pytest.mark.parametrize(
    ("severities", "state", "fail_on", "status"),
    [
        (["error"], "finished", "error", 3),
        (["error"], "finished", "warning", 3),
        (["error"], "finished", None, None),
        (["warning", "note"], "finished", "error", None),
        (["warning", "note"], "finished", "warning", 3),
        (["note"], "finished", "warning", None),
        ([], "failed", "warning", None),
        ([], "nothing-observed", "error", 4),
        ([], "nothing-observed", None, None),
    ],
)
def test_exit_status(make, severities, state, fail_on, status):
    whole = make()
    findings = tuple(
        replace(whole.findings[0], severity=severity, rule=f"r{i}") for i, severity in enumerate(severities)
    )
    diagnosis = replace(whole, findings=findings, run=replace(whole.run, state=state))
    assert tell(diagnosis, fail_on=fail_on, stream=io.StringIO()) == status


def test_quiet_is_silent_but_writes(diagnosis, tmp_path):
    stream = io.StringIO()
    tell(diagnosis, outputs=resolve(["a.json"], None), quiet=True, stream=stream)
    assert stream.getvalue() == ""
    assert (tmp_path / "a.json").exists()


def test_a_file_that_can_not_be_written_costs_one_line_and_loses_no_other(diagnosis, tmp_path):
    (tmp_path / "occupied").write_text("a file, not a folder")
    outputs = resolve(["occupied/a.json", "good.json"], None)
    stream = io.StringIO()
    tell(diagnosis, outputs=outputs, quiet=True, stream=stream)
    assert stream.getvalue().count("\n") == 1
    assert "occupied/a.json" in stream.getvalue()
    assert json.loads((tmp_path / "good.json").read_text())


def test_a_half_written_file_never_replaces_a_good_one(diagnosis, tmp_path, monkeypatch):
    good = tmp_path / "a.json"
    good.write_text("good")

    def half(path: Path, data: bytes) -> None:
        with open(path, "wb") as file:
            file.write(data[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    stream = io.StringIO()
    tell(diagnosis, outputs=resolve(["a.json"], None), quiet=True, stream=stream)
    assert "No space left on device" in stream.getvalue()
    assert good.read_text() == "good"
    assert sorted(os.listdir(tmp_path)) == ["a.json", "train.py"]


def test_folders_are_made_links_kept_and_modes_as_usual(diagnosis, tmp_path):
    (tmp_path / "real.json").write_text("")
    (tmp_path / "link.json").symlink_to("real.json")
    mask = os.umask(0o022)
    try:
        tell(diagnosis, outputs=resolve(["new/deep/a.json", "link.json"], None), quiet=True)
    finally:
        os.umask(mask)
    assert (tmp_path / "new/deep/a.json").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "link.json").is_symlink()
    assert json.loads((tmp_path / "real.json").read_text())


def test_a_device_is_fed_not_replaced(diagnosis):
    tell(diagnosis, outputs=[Output(Path("/dev/null"), "json")], quiet=True)
    assert Path("/dev/null").is_char_device()


def test_a_stream_of_few_letters_gets_them(diagnosis):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    tell(diagnosis, stream=stream)
    assert b"within 0.9999 ... 1.0001 (steps" in raw.getvalue()


def test_a_closed_stream_does_not_matter(diagnosis, tmp_path, monkeypatch):
    stream = io.StringIO()
    stream.close()
    tell(diagnosis, outputs=resolve(["a.json"], None), stream=stream)
    assert (tmp_path / "a.json").exists()
    monkeypatch.setattr(sys, "stderr", None)
    tell(diagnosis, outputs=resolve(["b.json"], None))
    assert (tmp_path / "b.json").exists()


def test_what_is_printed_without_a_file_has_the_format(diagnosis):
    stream = io.StringIO()
    tell(diagnosis, format="json", stream=stream)
    assert json.loads(stream.getvalue())["schema"] == 1


def test_the_verdict_is_told_where_rich_is_hidden(diagnosis, monkeypatch):
    monkeypatch.setitem(sys.modules, "rich.console", None)
    stream = io.StringIO()
    tell(diagnosis, stream=stream)
    assert "error[softmax-before-cross-entropy]: rows of net.fc" in stream.getvalue()


def on_a_terminal(diagnosis, columns: int) -> str:
    """What is printed on a real terminal of that width."""
    import fcntl
    import struct
    import termios
    import threading

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    seen: list[bytes] = []

    def drain() -> None:
        while True:
            try:
                data = os.read(ours, 65536)
            except OSError:
                return
            if not data:
                return
            seen.append(data)

    reader = threading.Thread(target=drain)
    reader.start()
    with open(theirs, "w", encoding="utf-8") as stream:
        tell(diagnosis, stream=stream)
    reader.join(10)
    os.close(ours)
    return b"".join(seen).decode().replace("\r\n", "\n")


def test_a_terminal_gets_colour_and_its_width(diagnosis, monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("COLUMNS", "133")  # of another terminal
    told = on_a_terminal(diagnosis, 44)
    assert "\x1b[1;31m" in told or "\x1b[1m\x1b[31m" in told
    assert "diagnose: \x1b" in told or "\x1b[1mdiagnose" in told
    assert "which applies softmax" not in told.splitlines()[3]


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colour_where_it_is_not_wanted(diagnosis, monkeypatch, variable):
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variable.items():
        monkeypatch.setenv(name, value)
    assert "\x1b" not in on_a_terminal(diagnosis, 80)


def test_reading_the_options_imports_nothing_the_program_may_want():
    code = (
        "import sys, diagnose.cli._outputs as o; o.resolve(['a.json', 'b.txt'], None); "
        "print(sorted({'numpy', 'torch', 'rich', 'jinja2', 'matplotlib'} & set(sys.modules)))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "[]\n"
