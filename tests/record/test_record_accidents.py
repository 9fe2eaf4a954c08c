"""Killed, forked, out of space, out of a folder: the program goes on and no run is ever corrupt."""

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

import diagnose
from diagnose.record import sink
from diagnose.record.writer import WAITING_ROWS, Writer


def child(code: str, folder: Path, **options: object) -> subprocess.Popen[str]:
    head = "import os, signal, sys, time\nfrom pathlib import Path\nfrom diagnose.record.writer import Writer\n"
    program = [sys.executable, "-c", head + textwrap.dedent(code), str(folder)]
    return subprocess.Popen(program, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload]


STEPPING = """
writer = Writer.create(Path(sys.argv[1]), "train.py", [])
writer.flush(60)
print(writer.path, flush=True)
began, i = time.time(), 0
while time.time() - began < 30:
    writer.step(i, 0, loss=1.0, at=time.time())
    i += 1
    time.sleep(0.0005)
"""


def test_kill_loses_less_than_a_second(tmp_path: Path) -> None:
    process = child(STEPPING, tmp_path)
    folder = Path(process.stdout.readline().strip())
    time.sleep(1.5)
    running = diagnose.load(folder)
    assert running.state == "running" and running.trainings[0].steps > 100 and running.seconds > 1
    killed = time.time()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    run = diagnose.load(folder)
    assert run.state == "killed" and run.exit_status is None
    assert killed - run.trainings[0].series("at").values[-1] < 1.0
    connection = sqlite3.connect(folder / "rank0.sqlite")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()


@pytest.mark.parametrize("journal", ["wal", "truncate"])
def test_killed_at_any_moment_leaves_a_readable_run(tmp_path: Path, journal: str) -> None:
    code = f"import diagnose.record.sink as s\ns.on_network = lambda path: {journal == 'truncate'}\n"
    code += "import diagnose.record.writer as w\nw.INTERVAL = 0.001\n" + STEPPING
    for delay in (0.0, 0.01, 0.05, 0.11):
        process = child(code, tmp_path)
        folder = Path(process.stdout.readline().strip())
        time.sleep(0.15 + delay)
        process.kill()
        process.communicate()
        run = diagnose.load(folder)
        assert run.state == "killed"
        steps = run.trainings[0].series("loss").steps if run.trainings else []
        assert list(steps) == list(range(len(steps)))


def test_network_file_systems_get_a_rollback_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "on_network", lambda path: True)
    writer = Writer.create(tmp_path, "train.py", [])
    writer.step(0, 0, loss=1.0)
    assert writer.flush() and not os.path.exists(f"{writer.file}-wal")
    assert diagnose.load(writer.path).facts["journal"] == "truncate"
    writer.close("finished", 0)
    assert diagnose.load(writer.path).trainings[0].steps == 1


def test_forked_child_writes_nothing_and_harms_nothing(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path, "train.py", [])
    writer.step(0, 0, loss=1.0)
    assert writer.flush()
    pid = os.fork()
    if pid == 0:  # the child: everything is a no-op, also at its end
        try:
            writer.step(1, 0, loss=2.0)
            writer.items(0, "layer", [{"path": "child"}])
            writer.fact("child", 1)
            writer.flush()
            writer.close("finished", 0)
        finally:
            os._exit(0 if writer.stopped else 1)
    assert os.waitpid(pid, 0)[1] == 0
    assert writer.stopped is None
    writer.step(1, 0, loss=3.0)
    writer.close("finished", 0)
    run = diagnose.load(writer.path)
    assert run.trainings[0].series("loss").values.tolist() == [1.0, 3.0] and "child" not in run.facts
    assert run.trainings[0].layers == ()


def test_children_forked_while_committing_that_end_normally(tmp_path: Path) -> None:
    code = """
    import diagnose.record.writer as w
    w.INTERVAL = 0.0005
    writer = Writer.create(Path(sys.argv[1]), "train.py", [])
    print(writer.path, flush=True)
    for i in range(400):
        writer.step(i, 0, loss=1.0)
        if i % 20 == 0 and os.fork() == 0:
            sys.exit(0)
        time.sleep(0.001)
    while True:
        try:
            os.wait()
        except ChildProcessError:
            break
    writer.close("finished", 0)
    """
    process = child(code, tmp_path)
    folder = Path(process.communicate(timeout=60)[0].split()[0])
    run = diagnose.load(folder)
    assert process.returncode == 0 and run.state == "finished" and run.trainings[0].steps == 400


def test_folder_deleted_meanwhile(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path, "train.py", [])
    writer.step(0, 0, loss=1.0)
    assert writer.flush()
    shutil.rmtree(tmp_path / ".diagnose")
    writer.step(1, 0, loss=1.0)
    assert not writer.flush()
    assert writer.stopped is not None and "was deleted" in writer.stopped and "\n" not in writer.stopped
    for i in range(1000):
        writer.step(i, 0, loss=1.0)
        writer.vector(i, 0, "q", writer.layout("layers", ["a"]), b"\0" * 4)
    began = time.time()
    writer.close("finished", 0)
    assert time.time() - began < 2 and not (tmp_path / ".diagnose").exists()


def test_full_disk(tmp_path: Path) -> None:
    code = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    writer = Writer.create(Path(sys.argv[1]), "train.py", [])
    print(writer.path, flush=True)
    for i in range(200_000):
        writer.step(i, 0, loss=1.0)
        if i % 1000 == 0:
            time.sleep(0.005)
        if writer.stopped:
            break
    print(writer.stopped, flush=True)
    writer.step(i + 1, 0, loss=2.0)
    writer.close("finished", 0)
    print("the program went on", flush=True)
    """
    process = child(code, tmp_path)
    out = process.communicate(timeout=60)[0].splitlines()
    assert process.returncode == 0 and out[-1] == "the program went on"
    assert out[1].startswith("recording stopped: ") and "free some space" in out[1]
    run = diagnose.load(Path(out[0]))
    assert run.state in ("finished", "killed") and run.program == "train.py"
    if run.trainings:
        steps = run.trainings[0].series("loss").steps
        assert list(steps) == list(range(len(steps)))


def test_space_that_comes_back_is_used_for_the_end(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = Writer.create(tmp_path, "train.py", [])
    writer.step(0, 0, loss=1.0)
    assert writer.flush()
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, hard))
        for i in range(20_000):
            writer.step(i + 1, 0, loss=1.0)
        assert not writer.flush(10)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert writer.stopped is not None
    writer.close("finished", 0)
    run = diagnose.load(writer.path)
    assert run.state == "finished" and run.facts["recording_stopped"] == writer.stopped
    assert run.trainings[0].steps == 1


def test_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / ".diagnose").write_text("a file is in the way")
    writer = Writer.create(tmp_path, "train.py", [])
    assert writer.stopped is not None and "cannot be written" in writer.stopped
    writer.step(0, 0, loss=1.0)
    writer.stream(0, type="Adam")
    writer.items(0, "layer", [{"path": "a"}])
    assert writer.layout("layers", ["a"]) == 0 and not writer.flush()
    writer.close("finished", 0)


def test_locked_file_is_tried_again(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path, "train.py", [])
    assert writer.flush()
    other = sqlite3.connect(writer.file, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    writer.step(0, 0, loss=1.0)
    release = threading.Timer(1.5, lambda: other.execute("COMMIT"))
    release.start()
    assert writer.flush(10) and writer.stopped is None
    release.join()
    other.close()
    writer.close("finished", 0)
    assert diagnose.load(writer.path).trainings[0].steps == 1


def test_file_locked_for_good_stops_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sink, "PATIENCE", 0.2)
    writer = Writer.create(tmp_path, "train.py", [])
    assert writer.flush()
    other = sqlite3.connect(writer.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    writer.step(0, 0, loss=1.0)
    assert not writer.flush(10)
    other.close()
    assert writer.stopped is not None and "locked" in writer.stopped


def test_memory_is_bounded_when_the_disk_is_slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("diagnose.record.writer.INTERVAL", 60.0)
    monkeypatch.setattr("diagnose.record.writer.WAITING_ROWS", 100)
    writer = Writer.create(tmp_path, "train.py", [])
    assert writer.flush()
    time.sleep(0.1)
    for i in range(1000):
        writer.step(i, 0, loss=1.0)
    assert 800 <= writer.lost <= 1000 and WAITING_ROWS > 100
    writer.close("finished", 0)
    run = diagnose.load(writer.path)
    assert run.facts["rows_lost"] == writer.lost and run.trainings[0].steps == 1000 - writer.lost


def test_a_step_costs_microseconds(tmp_path: Path) -> None:
    writer = Writer.create(tmp_path, "train.py", [])
    times = []
    for _ in range(60):
        time.sleep(0.002)
        began = time.perf_counter()
        for i in range(50):
            writer.step(i, 0, loss=0.1, learning_rate=0.1, samples=64, seconds=0.1, data_seconds=0.1, backwards=1)
        times.append((time.perf_counter() - began) / 50)
    writer.close("finished", 0)
    assert sorted(times)[len(times) // 2] < 3e-6
