"""What the ranks of one job recorded, joined to one run."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import diagnose
from diagnose.errors import RunError
from diagnose.record.folder import job, make_folder, stamped
from diagnose.record.runs import wait_for_ranks
from diagnose.record.summary import summarise
from diagnose.record.writer import Writer

PATH = "net.weight"
STEPS = 20
Fill = Callable[[Writer, int], None]


def recorded(root: Path, fill: Fill, world: int = 2, states: Mapping[int, tuple[Any, ...]] = {}) -> diagnose.run.Run:
    """A run of `world` ranks; `fill(writer, rank)` records what a rank sees."""
    for rank in range(world):
        writer = Writer.create(root, "train.py", [], rank=rank, world=world)
        writer.stream(0, type="SGD")
        fill(writer, rank)
        writer.close(*states.get(rank, ("finished", 0)))
        path = writer.path
    return diagnose.load(path)


def vector(writer: Writer, tick: int, quantity: str, *values: float) -> None:
    places = [PATH, "net.bias"][: len(values)]
    writer.vector(tick, 0, quantity, writer.layout("parameters", places), np.array(values, "<f4").tobytes())


def parameter(size: int = 6, shard: Mapping[str, Any] | None = None, **initial: float) -> dict[str, Any]:
    return {"path": PATH, "layer": "net", "shape": [4, 3], "size": 12, "shard": shard and {**shard, "size": size}, "initial": initial}


def piece(*ranks: int, copies: int = 1) -> dict[str, Any]:
    return {"ranks": list(ranks), "copies": copies, "axes": 1}


def hashes(*numbers: int) -> bytes:
    return np.array(numbers, "<i8").tobytes()


def test_losses_are_averaged_over_the_steps_that_all_have_recorded(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        for tick in range(0, STEPS, 1 + rank):  # rank 1 has counted every other step only
            writer.step(tick, 0, loss=float(tick + rank), learning_rate=0.1 * (1 + rank))

    training = recorded(tmp_path, fill).trainings[0]
    loss = training.series("loss")
    assert loss.steps.tolist() == list(range(0, STEPS, 2)) and loss.values.tolist() == [s + 0.5 for s in range(0, STEPS, 2)]
    assert training.series("loss_rank_spread").values[1] == pytest.approx(1 / 2.5)
    assert training.series("learning_rate_rank_spread").values == pytest.approx(0.1 / 0.15)
    assert training.series("learning_rate").values == pytest.approx(0.1), "everything else is the first rank's"
    assert training.ranks == 2


def test_norms_of_pieces_are_those_of_the_whole(tmp_path: Path) -> None:
    rows = np.random.default_rng(0).normal(size=(4, 3))

    def fill(writer: Writer, rank: int) -> None:
        mine = rows[:3] if rank == 0 else rows[3:]
        writer.items(0, "parameter", [parameter(
            mine.size, piece(0, 1), mean=mine.mean(), std=mine.std(), min=mine.min(), max=mine.max(), norm=np.linalg.norm(mine),
        )])  # fmt: skip
        for tick in range(STEPS):
            writer.step(tick, 0, loss=1.0)
            if tick % (1 + rank) == 0:
                vector(writer, tick, "gradient_norm", float(np.linalg.norm(mine)))
                vector(writer, tick, "gradient_zero_share", 0.0 if rank else 0.5)

    training = recorded(tmp_path, fill).trainings[0]
    norm, zeros = training.series("gradient_norm", PATH), training.series("gradient_zero_share", PATH)
    assert norm.steps.tolist() == list(range(0, STEPS, 2))
    assert norm.values == pytest.approx(np.linalg.norm(rows), rel=1e-6)
    assert zeros.values == pytest.approx(9 / 12 * 0.5), "weighted by the size of the pieces"
    initial = training.parameters[0].initial
    assert initial == pytest.approx({
        "mean": rows.mean(), "std": rows.std(), "min": rows.min(), "max": rows.max(), "norm": np.linalg.norm(rows),
    })  # fmt: skip
    assert training.places("gradient_rank_spread") == (), "pieces differ as they should"


def test_copies_of_pieces_count_once_and_other_meshes_not_at_all(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        # four ranks: pieces of a network on (0, 1) and (2, 3); of another, two pieces in two copies each
        pair = (0, 1) if rank < 2 else (2, 3)
        writer.items(0, "parameter", [parameter(6, piece(*pair)), {**parameter(6, piece(0, 1, 2, 3, copies=2)), "path": "net.bias"}])
        writer.step(0, 0, loss=1.0)
        vector(writer, 0, "weight_norm", 3.0 + rank % 2, 1.0 + rank % 2)

    training = recorded(tmp_path, fill, world=4).trainings[0]
    assert training.series("weight_norm", PATH).values == pytest.approx(5.0)
    assert training.series("weight_norm", "net.bias").values == pytest.approx(5**0.5)


def test_pieces_without_the_others_are_not_taken_for_the_whole(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        writer.items(0, "parameter", [parameter(6, piece(0, 1, 2))])
        writer.step(0, 0, loss=1.0)
        vector(writer, 0, "weight_norm", 1.0)

    run = recorded(tmp_path, fill, world=3)
    (Path(run.path) / "rank2.sqlite").unlink()
    run = diagnose.load(run.path)
    assert not run.trainings[0].has("weight_norm") and run.ranks == 3
    assert [(spot.place, "not all of whose records" in spot.message) for spot in run.blind_spots] == [(PATH, True)]


def test_weights_are_compared_at_common_steps(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        writer.items(0, "parameter", [parameter(), {**parameter(), "path": "net.bias"}])
        for tick in range(STEPS):
            writer.step(tick, 0, loss=1.0)
            if tick % (2 + rank) == 0:
                vector(writer, tick, "weight_norm", 1.0 + 0.2 * rank * (tick > 10), 0.0)

    training = recorded(tmp_path, fill).trainings[0]
    spread = training.series("weight_rank_spread", PATH)
    assert spread.steps.tolist() == [0, 6, 12, 18] and spread.values == pytest.approx([0, 0, 0.2 / 1.1, 0.2 / 1.1])
    assert training.series("weight_rank_spread", "net.bias").values.tolist() == [0, 0, 0, 0], "of nothing, nothing"


def test_the_lag_is_work_beyond_the_middle_of_the_others(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        for tick in range(STEPS):
            work = (0.1, 0.1, 0.5)[rank]
            writer.step(tick, 0, loss=1.0, seconds=1.5, evaluation_seconds=0.5, data_seconds=work, forward_seconds=0.1)

    training = recorded(tmp_path, fill, world=3).trainings[0]
    assert training.places("rank_lag") == ("rank 0", "rank 1", "rank 2")
    assert training.series("rank_lag", "rank 2").values == pytest.approx(0.4)
    assert training.series("rank_lag", "rank 0").values == pytest.approx(-0.2)


@pytest.mark.parametrize(
    ("drawn", "step", "epoch"),
    [
        (lambda rank, tick: [10 * tick + rank, 10 * tick + 5 + rank], 0.0, 0.0),  # each its own
        (lambda rank, tick: [10 * tick, 10 * tick + 1], 1.0, 1.0),  # the same
        (lambda rank, tick: [10 * tick, 10 * tick + 1 + rank], 0.5, 0.5),  # half of each batch
        (lambda rank, tick: [10 * (9 - tick if rank else tick) % 100, 10 * (9 - tick if rank else tick) % 100 + 1], 0.0, 1.0),
    ],
    ids=["parts", "same batches", "half", "same data in another order"],
)
def test_samples_are_compared_within_steps_and_epochs(
    tmp_path: Path, drawn: Callable[[int, int], list[int]], step: float, epoch: float
) -> None:
    def fill(writer: Writer, rank: int) -> None:
        for tick in range(STEPS):
            writer.step(tick, 0, loss=1.0, epoch=tick // 10)
            writer.hashes(0, "train", hashes(*drawn(rank, tick % 10)), tick)

    told = recorded(tmp_path, fill).trainings[0].facts["rank_repeats"]
    assert told == pytest.approx({"step": step, "own_step": 0.0, "epoch": epoch, "own": 0.0, "samples": 40})


def test_a_rank_that_repeats_by_itself_is_told(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        for tick in range(STEPS):
            writer.step(tick, 0, loss=1.0)
            writer.hashes(0, "train", hashes(1, 1, 2, 2), tick)

    told = recorded(tmp_path, fill).trainings[0].facts["rank_repeats"]
    assert (told["step"], told["own_step"], told["epoch"], told["own"]) == (1.0, 0.5, None, pytest.approx(1 - 2 / 80))


def test_hashes_whose_steps_are_not_known_tell_nothing(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        writer.step(0, 0, loss=1.0)
        writer.hashes(0, "train", hashes(1, 2))

    assert "rank_repeats" not in recorded(tmp_path, fill).trainings[0].facts


def test_what_one_rank_alone_has_seen_is_kept(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        writer.step(0, 0, loss=1.0)
        if rank == 1:
            writer.event(0, 0, "non-finite", "net:0", what="input", value="nan")
            writer.event(0, 0, "uncleared", None)
            writer.event(None, None, "blind-spot", "net.0", message="scripted")

    run = recorded(tmp_path, fill)
    assert [(e.kind, e.place, e.details["rank"]) for e in run.trainings[0].events] == [("non-finite", "net:0", 1)]
    assert [spot.place for spot in run.blind_spots] == ["net.0"]


def test_a_training_of_one_rank_alone_stays_alone(tmp_path: Path) -> None:
    def fill(writer: Writer, rank: int) -> None:
        for tick in range(5):
            writer.step(tick, 0, loss=float(rank))
        writer.stream(1, type="Adam" if rank else "LBFGS")
        for tick in range(5, 10):
            writer.step(tick, 1, loss=float(rank))

    both, alone = recorded(tmp_path, fill).trainings
    assert both.ranks == 2 and both.series("loss").values.tolist() == [0.5] * 5
    assert alone.ranks == 1 and alone.series("loss").values.tolist() == [0.0] * 5


@pytest.mark.parametrize(
    ("states", "state", "status", "exception"),
    [
        ({}, "finished", 0, None),
        ({1: ("failed", 1, "ValueError: x")}, "failed", 1, "rank 1: ValueError: x"),
        ({0: ("failed", 1, "E: x"), 1: ("failed", 1, "E: x")}, "failed", 1, "E: x"),
        ({0: ("interrupted", 130, "KeyboardInterrupt"), 1: ("failed", 1, "E: x")}, "failed", 1, "rank 1: E: x"),
        ({0: ("interrupted", 130, "KeyboardInterrupt")}, "interrupted", 130, "rank 0: KeyboardInterrupt"),
        ({1: ("nothing-observed", 0)}, "finished", 0, None),
    ],
)
def test_the_run_ended_as_its_first_failing_rank(
    tmp_path: Path, states: Mapping[int, tuple[Any, ...]], state: str, status: int, exception: str | None
) -> None:
    run = recorded(tmp_path, lambda writer, rank: writer.step(0, 0, loss=1.0), states=states)
    assert (run.state, run.exit_status, run.exception) == (state, status, exception)
    assert summarise(Path(run.path)).state == state


def test_a_damaged_rank_does_not_lose_the_others(tmp_path: Path) -> None:
    run = recorded(tmp_path, lambda writer, rank: writer.step(0, 0, loss=float(rank)))
    file = Path(run.facts["rank_files"]["0"])
    file.write_bytes(b"not a run")
    run = diagnose.load(run.path)
    assert run.trainings[0].series("loss").values.tolist() == [1.0] and run.facts["rank"] == 1 and run.ranks == 2
    assert [spot.place for spot in run.blind_spots] == ["rank 0"] and "another kind of file" in run.blind_spots[0].message
    (file.parent / "rank1.sqlite").write_bytes(b"")
    with pytest.raises(RunError, match="empty"):
        diagnose.load(run.path)


def test_a_killed_rank_and_one_that_goes_on(tmp_path: Path) -> None:
    code = f"""
import os, sys, time
sys.path[:] = {sys.path!r}
from pathlib import Path
from diagnose.record.writer import Writer
writer = Writer.create(Path({str(tmp_path)!r}), "train.py", [], rank=int(sys.argv[1]), world=2)
writer.step(0, 0, loss=1.0)
writer.flush(60)
print(writer.path, flush=True)
time.sleep(60)
"""
    ranks = [subprocess.Popen([sys.executable, "-c", code, str(rank)], stdout=subprocess.PIPE, text=True) for rank in (0, 1)]
    try:
        (path,) = {rank.stdout.readline().strip() for rank in ranks if rank.stdout}
        assert diagnose.load(path).state == "running"
        began = time.monotonic()
        assert not wait_for_ranks(Path(path), 0.3) and time.monotonic() - began < 5
        ranks[1].send_signal(signal.SIGKILL)
        ranks[1].wait()
        assert diagnose.load(path).facts["rank_states"] == {"0": "running", "1": "killed"}
        assert diagnose.load(path).state == "running"
        ranks[0].send_signal(signal.SIGKILL)
        ranks[0].wait()
        assert diagnose.load(path).state == "killed" and wait_for_ranks(Path(path), 5)
    finally:
        for rank in ranks:
            rank.kill()
            rank.communicate()


def test_the_second_run_under_one_agent_gets_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = [make_folder(tmp_path, "train.py", 0.0, rank, 2) for rank in (0, 1)]
    second = [make_folder(tmp_path, "train.py", 0.0, rank, 2) for rank in (1, 0)]
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    third = [make_folder(tmp_path, "train.py", 0.0, rank, 2) for rank in (0, 0)]
    assert first[0] == first[1] and second[0] == second[1] == Path(f"{first[0]}-2")
    assert third == [Path(f"{first[0]}-restart1"), Path(f"{first[0]}-restart1-2")]
    assert len({stamped(folder) for folder in (first[0], *second, *third)}) == 1 and stamped(first[0]) is not None


@pytest.mark.parametrize(
    ("rank", "world", "place"),
    [("1", "4", (1, 4)), (None, "4", (0, 1)), ("1", None, (0, 1)), ("major", "7", (0, 1)), ("", "", (0, 1)), ("3", "2", (0, 1))],
)
def test_a_job_is_told_by_both_variables(
    monkeypatch: pytest.MonkeyPatch, rank: str | None, world: str | None, place: tuple[int, int]
) -> None:
    for name, value in (("RANK", rank), ("WORLD_SIZE", world)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert job() == place
