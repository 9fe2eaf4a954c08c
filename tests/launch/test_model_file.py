"""A file that only defines a model and its data: trained with defaults that are said, or one line of why not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from diagnose.launch.model_file import train

X = torch.linspace(-1, 1, 80).reshape(20, 4)
LABELS, BINARY, NUMBERS = torch.arange(20) % 3, (torch.arange(20) % 2).float(), X.sum(1)


def moved(model: nn.Module, **names: Any) -> bool:
    """Whether training a namespace with this model changed its weights."""
    before = [p.detach().clone() for p in model.parameters()]
    train({"model": model, "epochs": 2, **names})
    return any(not torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize(
    ("targets", "outputs", "said"),
    [(LABELS, 3, "cross entropy (labels are integers)"), (BINARY, 1, "binary cross entropy"), (NUMBERS, 1, "mean squared")],
)
def test_the_loss_fits_the_targets_and_is_said(targets: torch.Tensor, outputs: int, said: str, capfd: Any) -> None:
    assert moved(nn.Linear(4, outputs), train_data=(X, targets), val_data=(X, targets))
    told = capfd.readouterr()
    assert said in told.err and "Adam(0.001)" in told.err and "2 epochs" in told.err and not told.out


def test_loaders_data_sets_and_arrays_will_do() -> None:
    data = TensorDataset(X, LABELS)
    for given in (DataLoader(data, batch_size=5), data, (X.numpy(), LABELS.numpy())):
        assert moved(nn.Linear(4, 3), train_data=given)


def test_own_loss_and_optimizer_are_used() -> None:
    model = nn.Linear(4, 1)
    used: list[str] = []

    def loss(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        used.append("loss")
        return (output.squeeze(1) - target).abs().mean()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    assert moved(model, train_data=(X, NUMBERS), loss_fn=loss, optimizer=optimizer) and used
    assert moved(model, train_data=(X, NUMBERS), loss_fn=loss, optimizer=lambda p: torch.optim.SGD(p, lr=0.1))


class Plain(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)


def test_a_class_or_a_function_makes_the_model(capfd: Any) -> None:
    for model in (Plain, lambda: Plain()):
        train({"model": model, "train_data": (X, LABELS), "epochs": 1})
        assert "training model for 1 epochs" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ({"model": nn.Linear(4, 3)}, "found model but no train_data"),
        ({"train_data": (X, LABELS)}, "found train_data but no model"),
        ({"model": 3, "train_data": (X, LABELS)}, "expected model to be a Module"),
        ({"model": nn.Linear(4, 3), "train_data": 5}, "expected train_data to be a DataLoader"),
        ({"model": nn.Linear(4, 3), "train_data": (X, LABELS[:3])}, "of one length, found 20 and 3"),
        ({"model": nn.Linear(4, 3), "train_data": (X, LABELS), "epochs": 0}, "positive whole number"),
        ({"model": nn.Linear(4, 3), "train_data": (X, LABELS), "optimizer": 1}, "expected optimizer"),
        ({"model": nn.Linear(4, 3), "train_data": (X, LABELS), "loss_fn": 1}, "expected loss_fn"),
    ],
)
def test_what_cannot_be_used_gives_one_line(names: dict[str, Any], why: str, capfd: Any) -> None:
    train(names)
    told = capfd.readouterr()
    assert why in told.err and len(told.err.strip().splitlines()) == 1 and not told.out


def test_an_ordinary_script_is_left_alone(capfd: Any) -> None:
    train({"net": nn.Linear(4, 3)})
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("forbidden", [False, True])
def test_under_the_command(forbidden: bool, tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(
        "import torch\ntorch.manual_seed(0)\nmodel = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))\n"
        "x = torch.randn(120, 4)\ntrain_data = val_data = (x, (x[:, 0] > 0).long() + (x[:, 1] > 0).long())\nepochs = 3\n"
    )
    options = ["--no-train"] if forbidden else []
    command = [sys.executable, "-m", "diagnose", "run", *options, "-o", "out.json", "model.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, env=dict(os.environ))
    found = json.loads((tmp_path / "out.json").read_text())
    assert done.stdout == ""
    assert found["run"]["state"] == ("nothing-observed" if forbidden else "finished")
    assert bool(found["trainings"]) is not forbidden
    assert ("training model for 3 epochs" in done.stderr) is not forbidden
