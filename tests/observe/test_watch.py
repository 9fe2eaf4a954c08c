"""`diagnose.watch` in one's own code: any order, paused, asked, ended, and run twice."""

import gc
import json
import math
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import diagnose
from diagnose.errors import UsageError

X, Y = torch.linspace(-2, 2, 24).reshape(6, 4).sin(), torch.arange(6) % 2


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def small() -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 2))


def step(net: nn.Module, optimizer: torch.optim.Optimizer) -> Tensor:
    optimizer.zero_grad()
    loss = F.cross_entropy(net(X), Y)
    loss.backward()
    optimizer.step()
    return loss.detach()


@pytest.mark.parametrize("order", ["model, optimizer", "optimizer, model", "model alone", "optimizer alone"])
def test_any_order(order: str) -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    things = {"model, optimizer": (net, optimizer), "optimizer, model": (optimizer, net), "model alone": (net,),
              "optimizer alone": (optimizer,)}[order]  # fmt: skip
    with diagnose.watch(*things, every=1) as watching:
        for _ in range(4):
            step(net, optimizer)
    (training,) = watching.run.trainings
    assert training.steps == 4
    assert training.networks == ("net",)
    assert len(training.series("gradient_norm", "net.0.weight")) == 4
    assert watching.run.state == "finished"
    assert watching.diagnosis is watching.diagnosis  # final, judged once


def test_an_optimizer_built_inside_is_seen() -> None:
    net = small()
    with diagnose.watch(net, every=1) as watching:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(3):
            step(net, optimizer)
    assert watching.run.trainings[0].steps == 3


def test_only_what_was_given_is_seen() -> None:
    net, other = small(), small()
    mine, theirs = torch.optim.SGD(net.parameters(), lr=0.1), torch.optim.SGD(other.parameters(), lr=0.1)
    with diagnose.watch(net, mine, every=1) as watching:
        later = torch.optim.SGD(other.parameters(), lr=0.1)
        for _ in range(3):
            step(net, mine)
            step(other, theirs)
            step(other, later)
        assert not any(m._forward_hooks for m in other.modules())
    (training,) = watching.run.trainings
    assert training.steps == 3 and training.networks == ("net",)


def test_several_models_and_optimizers() -> None:
    one, two = small(), small()
    first, second = torch.optim.SGD(one.parameters(), lr=0.1), torch.optim.SGD(two.parameters(), lr=0.1)
    with diagnose.watch(second, one, first, two, every=1) as watching:
        for _ in range(3):
            step(one, first)
            step(two, second)
    (training,) = watching.run.trainings
    assert set(training.networks) == {"one", "two"} and training.steps == 6


def test_steps_go_on_unwatched_after_the_end() -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    original = F.cross_entropy
    with diagnose.watch(net, optimizer, every=1) as watching:
        step(net, optimizer)
        assert F.cross_entropy is not original
    step(net, optimizer)
    assert F.cross_entropy is original
    assert watching.run.trainings[0].steps == 1
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in net.modules())


def test_detach_ends_it_and_may_be_called_twice() -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    watching = diagnose.watch(net, optimizer, every=1)
    for _ in range(3):
        step(net, optimizer)
    watching.detach()
    watching.detach()
    step(net, optimizer)
    assert watching.run.trainings[0].steps == 3
    assert "ended" in repr(watching)


def test_the_diagnosis_while_it_is_open() -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with diagnose.watch(net, optimizer, every=1) as watching:
        for _ in range(5):
            step(net, optimizer)
        assert watching.run.trainings[0].steps == 5
        assert watching.diagnosis.run.state == "running"
        for _ in range(5):
            step(net, optimizer)
    assert watching.run.trainings[0].steps == 10


def test_pause() -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with diagnose.watch(net, optimizer, every=1) as watching:
        step(net, optimizer)
        with watching.pause():
            assert not any(m._forward_hooks for m in net.modules())
            for _ in range(5):
                step(net, optimizer)
        values = [step(net, optimizer) for _ in range(2)]
    training = watching.run.trainings[0]
    assert training.steps == 3
    assert training.series("loss").values[1:].tolist() == pytest.approx([v.item() for v in values])
    assert training.series("output_mean", "net.0").steps.tolist() == [0, 1, 2]


def test_log() -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    diagnose.log(val_loss=9.0)  # nothing is open: silent
    with diagnose.watch(net, optimizer, every=1) as watching:
        for i in range(3):
            step(net, optimizer)
            watching.log(val_loss=0.5 - 0.1 * i, score=torch.tensor(float(i)))
        diagnose.log(last=1)
    training = watching.run.trainings[0]
    assert training.series("logged/val_loss", "val_loss").values.tolist() == pytest.approx([0.5, 0.4, 0.3])
    assert training.series("logged/val_loss", "val_loss").steps.tolist() == [0, 1, 2]
    assert training.series("logged/score", "score").values.tolist() == [0, 1, 2]
    assert training.series("logged/last", "last").values.tolist() == [1]


def test_log_goes_to_the_innermost() -> None:
    one, two = small(), small()
    first, second = torch.optim.SGD(one.parameters(), lr=0.1), torch.optim.SGD(two.parameters(), lr=0.1)
    with diagnose.watch(one, first, every=1) as outer, diagnose.watch(two, second, every=1) as inner:
        step(one, first)
        step(two, second)
        diagnose.log(mark=1)
    assert inner.run.trainings[0].has("logged/mark")
    assert not outer.run.trainings[0].has("logged/mark")
    assert (outer.run.trainings[0].steps, inner.run.trainings[0].steps) == (1, 1)


def test_watches_end_in_any_order() -> None:
    originals = F.cross_entropy, torch.autograd.backward
    one, two = small(), small()
    first, second = torch.optim.SGD(one.parameters(), lr=0.1), torch.optim.SGD(two.parameters(), lr=0.1)
    earlier = diagnose.watch(one, first, every=1)
    later = diagnose.watch(two, second, every=1)
    step(one, first)
    earlier.detach()
    step(two, second)
    later.detach()
    assert (F.cross_entropy, torch.autograd.backward) == originals
    assert "__reduce_ex__" not in nn.Module.__dict__


def test_a_cell_run_twice_with_the_same_objects(capsys: pytest.CaptureFixture[str]) -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(2):
        watching = diagnose.watch(net, optimizer, every=1)
        for _ in range(3):
            step(net, optimizer)
    watching.detach()
    assert watching.run.trainings[0].steps == 3
    assert capsys.readouterr().err.count("replaces the earlier one") == 1
    assert len(list(Path(".diagnose").glob("*/rank0.sqlite"))) == 2
    assert not any(m._forward_hooks for m in net.modules())


CELL = """
net = torch.nn.Sequential(torch.nn.Linear(4, 2))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
watching = diagnose.watch(net, optimizer, every=1)
for _ in range(3):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(net(X), Y).backward()
    optimizer.step()
"""


def test_a_cell_run_twice_with_new_objects() -> None:
    """Each run of a cell makes its objects anew; the watch that its first run left open must not stay."""
    variables: dict[str, Any] = {"torch": torch, "diagnose": diagnose, "X": X, "Y": Y}
    code = compile(CELL, "<ipython-input-1-abc>", "exec")
    exec(code, variables)
    first = variables["watching"]
    exec(code, variables)
    second = variables["watching"]
    assert "ended" in repr(first) and "open" in repr(second)
    second.detach()
    assert (first.run.trainings[0].steps, second.run.trainings[0].steps) == (3, 3)


def test_an_exception_inside_passes_and_is_a_fact() -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with pytest.raises(KeyError, match="mine"), diagnose.watch(net, optimizer, every=1) as watching:
        step(net, optimizer)
        raise KeyError("mine")
    assert watching.run.state == "failed"
    assert watching.run.exception is not None and "KeyError" in watching.run.exception
    assert watching.run.trainings[0].steps == 1


def test_nothing_to_observe() -> None:
    with diagnose.watch(small()) as watching:
        pass
    assert watching.run.state == "nothing-observed"
    assert watching.run.facts["nothing_observed"]["code"]


def test_report(tmp_path: Path) -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with diagnose.watch(net, optimizer, every=1) as watching:
        for _ in range(3):
            step(net, optimizer)
    assert watching.report().strip()
    assert watching.report(tmp_path / "out.json") == str(tmp_path / "out.json")
    assert json.loads((tmp_path / "out.json").read_text())["trainings"][0]["steps"] == 3
    with pytest.raises(UsageError, match="xyz"):
        watching.report(tmp_path / "out.xyz")


def test_bad_arguments() -> None:
    with pytest.raises(UsageError, match="at least one"):
        diagnose.watch()
    with pytest.raises(UsageError, match="got list"):
        diagnose.watch([small()])  # type: ignore[arg-type]


def test_watched_objects_may_die() -> None:
    net = small()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    refs = [weakref.ref(net), weakref.ref(optimizer)]
    watching = diagnose.watch(net, optimizer, every=1)
    step(net, optimizer)
    del net, optimizer
    gc.collect()
    assert [ref() for ref in refs] == [None, None]
    watching.detach()


def test_a_function_imported_earlier_leaves_the_root() -> None:
    """`from torch.nn.functional import mse_loss` before the watch is not seen; the backward's root is."""
    from torch.nn.functional import mse_loss

    values = []
    net = nn.Linear(4, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    with diagnose.watch(net, optimizer, every=1) as watching:
        for _ in range(3):
            optimizer.zero_grad()
            loss = mse_loss(net(X), torch.ones(6, 1))
            values.append(loss.item())
            loss.backward()
            optimizer.step()
    training = watching.run.trainings[0]
    assert [site.function for site in training.losses] == ["custom"]
    assert training.series("loss").values.tolist() == pytest.approx(values)
    assert not math.isnan(training.series("samples").values[0])
