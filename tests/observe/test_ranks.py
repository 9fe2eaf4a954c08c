"""Jobs of two processes on gloo, run for real, each recorded once and judged offline."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from diagnose.finding import Finding
from diagnose.judge import judge
from diagnose.record.reader import load
from diagnose.record.runs import list_runs
from diagnose.run import Run, Training

from .conftest import Recorded

JOBS = Path(__file__).with_name("jobs")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
OURS = ("-m", "diagnose", "run", "--strict", "--every", "1")
WITHIN_BUDGET = ("-m", "diagnose", "run", "--strict", "-q")
NORMS = ("gradient_norm", "weight_norm", "update_norm")


def torchrun(folder: Path, *program: str, restarts: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
               "--max-restarts", str(restarts), "--monitor-interval", "0.2", *program]  # fmt: skip
    return subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=150, check=False)


def side_by_side(folder: Path, *program: str) -> list[str]:
    """Two ranks without an agent, as a cluster starts them; what each printed."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
    started = [
        subprocess.Popen([sys.executable, *program], cwd=folder, env={**ENVIRONMENT, **place, "RANK": str(rank)},
                         stdout=subprocess.PIPE, text=True)
        for rank in (0, 1)
    ]  # fmt: skip
    printed = [process.communicate(timeout=150)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0]
    return printed


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run, list[str], list[str]]:
    """The job's run, that of one process alone, and what the job printed with and without us."""
    folder = tmp_path_factory.mktemp("healthy")
    done = torchrun(folder, *OURS, str(JOBS / "healthy.py"))
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("diagnose: ") == 1, "one rank alone tells the verdict"
    (job,) = list_runs(folder)
    alone = tmp_path_factory.mktemp("alone")
    subprocess.run([sys.executable, *OURS, str(JOBS / "healthy.py")], cwd=alone, env=ENVIRONMENT, check=True,
                   capture_output=True, timeout=150)  # fmt: skip
    bare = "".join(side_by_side(alone, str(JOBS / "healthy.py")))
    return load(job), load(alone), sorted(done.stdout.splitlines()), sorted(bare.splitlines())


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("faulty")
    done = torchrun(folder, *WITHIN_BUDGET, str(JOBS / "faulty.py"))
    assert done.returncode == 0, done.stderr
    return load(folder)


def close(one: Training, other: Training, quantity: str) -> None:
    a, b = one.matrix(quantity), other.matrix(quantity)
    assert len(a.places) == len(b.places) == 4 and a.steps.tolist() == b.steps.tolist() == list(range(24))
    np.testing.assert_allclose(a.values, b.values, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("which", [0, 1], ids=["copies", "pieces"])
def test_a_job_is_recorded_as_the_one_training_it_is(healthy: tuple[Run, Run, list[str], list[str]], which: int) -> None:
    job, alone = healthy[0].trainings[which], healthy[1].trainings[which]
    for quantity in NORMS:
        close(job, alone, quantity)
    for quantity in ("loss", "clip_norm", "learning_rate"):
        np.testing.assert_allclose(job.series(quantity).values, alone.series(quantity).values, rtol=1e-5)
    for ours, theirs in zip(job.parameters, alone.parameters, strict=True):
        assert (ours.shape, ours.size, ours.reached, ours.fan_in) == (theirs.shape, theirs.size, True, theirs.fan_in)
        for name in ("mean", "std", "min", "max", "norm"):
            assert ours.initial[name] == pytest.approx(theirs.initial[name], rel=1e-5, abs=1e-6)
    assert [(layer.type, layer.role) for layer in job.layers] == [(layer.type, layer.role) for layer in alone.layers]
    assert len(job.layers) == 3 and job.series("training_loss", job.losses[0].id).values == pytest.approx(
        job.series("loss").values)  # fmt: skip


def test_one_run_with_a_file_a_rank(healthy: tuple[Run, Run, list[str], list[str]]) -> None:
    run = healthy[0]
    assert (run.ranks, run.state, run.exit_status, run.exception) == (2, "finished", 0, None)
    assert sorted(p.name for p in Path(run.path).iterdir()) == ["rank0.sqlite", "rank1.sqlite"]
    assert [training.ranks for training in run.trainings] == [2, 2] and not run.blind_spots
    ddp, fsdp = run.trainings
    assert list(ddp.facts["wrappers"].values()) == ["DistributedDataParallel"]
    assert list(fsdp.facts["wrappers"].values()) == ["FSDPModule"]
    assert all("module" not in parameter.path for parameter in ddp.parameters)
    assert not [event for training in run.trainings for event in training.events if event.kind == "probe-failed"]


def test_nothing_is_said_between_ranks_and_nothing_done_to_spread_tensors(
    healthy: tuple[Run, Run, list[str], list[str]],
) -> None:
    _, _, ours, bare = healthy
    assert ours == bare and len(bare) == 4
    assert all("c10d" in line for line in bare) and sum("_foreach_norm" in line for line in bare) == 2


def test_healthy_ranks_are_healthy(healthy: tuple[Run, Run, list[str], list[str]]) -> None:
    diagnosis = judge(healthy[0], strict=True)
    assert not [finding for finding in diagnosis.findings if finding.family == "processes"]
    assert {"rank-divergence", "rank-repeats-data", "rank-straggler"} <= set(diagnosis.checked)
    ddp, fsdp = healthy[0].trainings
    assert ddp.matrix("weight_rank_spread").values.max() == 0 and fsdp.places("weight_rank_spread") == ()
    for training in (ddp, fsdp):
        assert training.facts["rank_repeats"]["step"] == 0 and training.facts["rank_repeats"]["samples"] == 192


def test_one_rank_can_be_read_by_itself(healthy: tuple[Run, Run, list[str], list[str]]) -> None:
    run = healthy[0]
    one = [load(path).trainings[1] for path in run.facts["rank_files"].values()]
    whole = run.trainings[1].series("gradient_norm", one[0].parameters[0].path).values
    pieces = [training.series("gradient_norm", training.parameters[0].path).values for training in one]
    assert [training.ranks for training in one] == [1, 1]
    np.testing.assert_allclose(np.sqrt(pieces[0] ** 2 + pieces[1] ** 2), whole)
    assert (pieces[0] < whole).all()


def test_each_fault_is_found_in_its_training(faulty: Run) -> None:
    found: dict[int, list[Finding]] = {training.id: [] for training in faulty.trainings}
    for finding in judge(faulty, strict=True).findings:
        if finding.family == "processes":
            found[finding.training].append(finding)
    assert {number: [finding.rule for finding in own] for number, own in found.items()} == {
        0: ["rank-divergence"], 1: ["rank-repeats-data"], 2: ["rank-straggler"],
    }  # fmt: skip
    drift, repeat, slow = (own[0] for own in found.values())
    assert drift.severity == "error" and "all parameters" in drift.message and "gradients differ too" in drift.message
    assert "since step 1," in drift.message and drift.source is not None and drift.source.line == 20
    assert "100% of a rank's samples" in repeat.message and "sampler: RandomSampler" in repeat.message
    assert slow.places == ("rank 1",) and slow.evidence[0].value > 0.3


def test_a_job_with_mishaps(tmp_path: Path) -> None:
    """A NaN is looked for on one rank alone, among spread tensors: nobody waits. Then that rank fails, and all start again."""
    done = torchrun(tmp_path, *OURS, str(JOBS / "mishaps.py"), restarts=1)
    assert done.returncode == 0, done.stderr
    second, first = map(load, list_runs(tmp_path))
    assert second.path == f"{first.path}-restart1"
    assert (second.state, second.trainings[0].steps, second.trainings[0].ranks) == ("finished", 12, 2)
    found = {finding.rule: finding for finding in judge(second, strict=True).findings}
    assert not {"non-finite-values", "rank-divergence", "rank-repeats-data"} & set(found)
    assert (first.state, first.exit_status) == ("failed", 1)
    assert first.exception == "rank 1: RuntimeError: this machine was taken away"
    assert first.trainings[0].steps in (4, 5, 6), "rank 0 waits for the lost one in its sixth backward"
    told = {event.details.get("rank", 0): event for event in first.trainings[0].events if event.kind == "non-finite"}
    assert (told[1].step, told[1].place, told[1].details["what"]) == (3, "model:0", "input")
    (finding,) = [f for f in judge(first, strict=True).findings if f.rule == "non-finite-values"]
    assert "first at step 3, in the input of rank 1" in finding.message and finding.places[0] == "model:0"


def test_data_parallel_is_looked_through(recorded: Recorded) -> None:
    def train(wrap: Callable[[nn.Module], nn.Module]) -> None:
        torch.manual_seed(0)
        net = wrap(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            nn.functional.cross_entropy(net(torch.randn(8, 4)), torch.randint(0, 3, (8,))).backward()
            optimizer.step()

    bare, wrapped = recorded(lambda: train(lambda net: net)), recorded(lambda: train(nn.DataParallel))
    assert [layer.path for layer in wrapped.layers] == [layer.path for layer in bare.layers] == ["net.0", "net.1", "net.2"]
    assert wrapped.facts["wrappers"] == {"net": "DataParallel"} and wrapped.facts["network_types"] == {"net": "Sequential"}
    for quantity in (*NORMS, "output_mean", "output_gradient_norm"):
        assert wrapped.matrix(quantity).places == bare.matrix(quantity).places
        np.testing.assert_array_equal(wrapped.matrix(quantity).values, bare.matrix(quantity).values)
