"""`run --explain` and `explain`: from a real program to finding, JSON and page; and one line for what cannot be done."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import diagnose

TABLE = """
import sys
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

def main(leak):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    x = torch.randn(600, 6)
    y = (x @ torch.tensor([1.0, -1.0, 1.0, 0.0, 0.0, 0.0]) > 0).long()
    if leak:
        x[:, 5] = 4.0 * y - 2 + 0.1 * torch.randn(600)
    net = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    optimizer = torch.optim.Adam(net.parameters(), 1e-2)
    loader = DataLoader(TensorDataset(x[:400], y[:400]), 40, shuffle=True)
    held = DataLoader(TensorDataset(x[400:], y[400:]), 100)
    for epoch in range(15):
        net.train()
        for a, b in loader:
            optimizer.zero_grad()
            F.cross_entropy(net(a), b).backward()
            optimizer.step()
        net.eval()
        with torch.no_grad():
            total = sum(F.cross_entropy(net(a), b).item() for a, b in held)
    print(total, torch.rand(1).item())

main("leak" in sys.argv)
"""
IMAGE = """
import sys
import torch
import torch.nn.functional as F
from torch import nn

def main(mark):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    y = torch.randint(0, 2, (500,))
    x = 0.5 * torch.randn(500, 1, 12, 12)
    x[:, 0, 2:10, 2:10] += 0.12 * (2.0 * y - 1)[:, None, None]
    if mark:
        x[:, 0, 0:2, 0:2] = 3.0 * y[:, None, None]
    net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(1152, 2))
    optimizer = torch.optim.Adam(net.parameters(), 3e-3)
    for step in range(120):
        some = torch.randint(0, 400, (50,))
        optimizer.zero_grad()
        F.cross_entropy(net(x[some]), y[some]).backward()
        optimizer.step()
        if step % 20 == 19:
            with torch.no_grad():
                F.cross_entropy(net(x[400:]), y[400:])
    print("done")

main("mark" in sys.argv)
"""
MODEL = """
import torch
torch.manual_seed(0)
model = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 3))
x = torch.randn(90, 4)
train_data = (x[:60], (x[:60, 0] > 0).long() + (x[:60, 1] > 0).long())
val_data = (x[60:], (x[60:, 0] > 0).long() + (x[60:, 1] > 0).long())
feature_names = ["length", "width", "height", "weight"]
"""


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "diagnose", *arguments], cwd=folder, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )


@cache
def recorded(program: str, *arguments: str) -> tuple[Path, dict[str, Any], subprocess.CompletedProcess[str]]:
    """A program run with --explain: its folder, the JSON, what it printed."""
    import tempfile

    folder = Path(tempfile.mkdtemp())
    (folder / "program.py").write_text(program)
    done = command(folder, "run", "--explain", "-o", "out.json", "-o", "page.html", "program.py", *arguments)
    assert done.returncode == 0, done.stderr
    return folder, json.loads((folder / "out.json").read_text()), done


def loud(told: dict[str, Any]) -> list[str]:
    return [f["rule"] for f in told["findings"] if f["family"] == "attribution" and f["severity"] != "note"]


def test_a_leaking_column_is_found_at_rank_one() -> None:
    _, told, _ = recorded(TABLE, "leak")
    assert told["findings"][0]["rule"] == "label-leak"
    assert told["findings"][0]["places"] == ["net:0[5]"]
    (one,) = told["explanations"]
    assert one["method"] == "integrated-gradients" and one["inputs"][0]["kind"] == "tabular"
    importance = one["global_importance"]
    assert len(importance) == 6 and max(importance) == importance[5]
    assert all(check["passed"] for check in one["trust"].values())


def test_without_the_leak_it_is_silent() -> None:
    assert loud(recorded(TABLE)[1]) == []


def test_a_mark_in_the_corner_is_found_at_rank_one() -> None:
    _, told, _ = recorded(IMAGE, "mark")
    assert told["findings"][0]["rule"] == "shortcut-feature", told["verdict"]
    assert told["findings"][0]["severity"] == "error" and "corner" in told["findings"][0]["message"]
    assert "shortcut-feature" not in loud(recorded(IMAGE)[1])


def test_the_program_is_not_changed(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(TABLE)
    plain = subprocess.run([sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert recorded(TABLE)[2].stdout == plain.stdout


def test_the_page_shows_maps_and_trust() -> None:
    folder, _, _ = recorded(IMAGE, "mark")
    page = (folder / "page.html").read_text()
    assert page.count('<img src="data:image/png;base64,') >= 8
    assert "not measured in this run" not in page and "integrated-gradients" in page and "of the weights" in page


def test_samples_are_kept_out() -> None:
    folder, _, _ = recorded(IMAGE, "mark")
    assert diagnose.load(folder).trainings[0].explanations[0].samples[0].inputs
    done = command(folder, "run", "-q", "--explain", "--no-samples", "program.py", "mark")
    assert done.returncode == 0, done.stderr
    (one,) = diagnose.load(folder).trainings[0].explanations
    assert one.samples and not any(sample.inputs for sample in one.samples) and one.samples[0].maps


def test_explain_shows_what_a_run_holds(tmp_path: Path) -> None:
    folder, told, _ = recorded(TABLE, "leak")
    run = told["run"]["path"]
    done = command(folder, "explain", run, "-o", str(tmp_path / "e.json"))
    assert done.returncode == 0 and "error[label-leak]" in done.stdout and "absent at net:0" in done.stdout
    whole = json.loads((tmp_path / "e.json").read_text())
    assert {"method", "why", "baseline", "global_importance", "samples", "layers", "trust", "findings"} <= set(whole)
    assert [sample["role"] for sample in whole["samples"]] == ["worst", "ordinary", "ordinary", "best"]
    assert len(whole["samples"][0]["attributions"]["integrated-gradients"]["net:0"]) == 6
    assert [f["rule"] for f in whole["findings"]] == ["label-leak"]


def test_a_run_without_one_says_how_to_record_it(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(TABLE)
    assert command(tmp_path, "run", "-q", "program.py").returncode == 0
    done = command(tmp_path, "explain")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "diagnose run --explain program.py" in done.stderr


def test_a_failed_program_is_not_explained(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(TABLE + "\nraise SystemExit(3)\n")
    assert command(tmp_path, "run", "-q", "--explain", "program.py").returncode == 3
    assert not diagnose.load(tmp_path).trainings[0].explanations


# Model files


@pytest.fixture
def model(tmp_path: Path) -> Path:
    (tmp_path / "model.py").write_text(MODEL)
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    torch.manual_seed(1)
    torch.save(net.state_dict(), tmp_path / "weights.pt")
    torch.save({"state_dict": {f"module.{k}": v for k, v in net.state_dict().items()}}, tmp_path / "nested.pt")
    from safetensors.torch import save_file

    save_file(net.state_dict(), str(tmp_path / "weights.safetensors"))
    torch.save({k: v for k, v in net.state_dict().items() if k != "2.bias"}, tmp_path / "missing.pt")
    torch.save(nn.Linear(4, 3).state_dict(), tmp_path / "other.pt")
    torch.save(nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3)).state_dict(), tmp_path / "wider.pt")
    torch.save(net, tmp_path / "whole.pt")
    (tmp_path / "evil.pt").write_bytes(pickle.dumps(print))
    (tmp_path / "text.safetensors").write_text("no tensors")
    return tmp_path


@pytest.mark.parametrize("weights", ["weights.pt", "nested.pt", "weights.safetensors"])
def test_weights_are_loaded(model: Path, weights: str) -> None:
    done = command(model, "explain", "model.py", "--weights", weights)
    assert done.returncode == 0, done.stderr
    assert "length" in done.stdout and "no --weights" not in done.stdout
    (one,) = diagnose.load(model).trainings[0].explanations
    assert one.inputs[0].names == ("length", "width", "height", "weight") and one.task == "classification"


def test_an_untrained_model_fails_its_check(model: Path) -> None:
    done = command(model, "explain", "model.py")
    assert done.returncode == 0 and "no --weights were given" in done.stdout
    (one,) = diagnose.load(model).trainings[0].explanations
    (learnt,) = (check for check in one.trust if check.name == "learnt")
    assert not learnt.passed


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ("missing.pt", "misses 2.bias"),
        ("other.pt", "has the unknown weight"),
        ("wider.pt", "has 0.weight of shape (8, 5), the model (8, 4)"),
        ("whole.pt", "refused to unpickle"),
        ("evil.pt", "refused to unpickle"),
        ("nowhere.pt", "found none at 'nowhere.pt'"),
        ("text.safetensors", "expected safetensors"),
        ("model.py", "refused to unpickle"),
    ],
)
def test_weights_that_do_not_fit_are_one_line(model: Path, weights: str, said: str) -> None:
    done = command(model, "explain", "model.py", "--weights", weights)
    assert done.returncode in (1, 2) and len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr


NAMED = """
import dataclasses
import torch
from torch.utils.data import DataLoader, Dataset

@dataclasses.dataclass
class Answer:
    logits: torch.Tensor
    hidden: torch.Tensor

class Samples(Dataset):
    def __len__(self):
        return 64
    def __getitem__(self, i):
        x = torch.randn(6, generator=torch.Generator().manual_seed(i))
        return {"left": x[:4], "right": x[4:]}, int(x[0] > 0)

class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.hidden, self.head = torch.nn.Linear(6, 8), torch.nn.Linear(8, 2)
    def forward(self, left, right):
        hidden = torch.relu(self.hidden(torch.cat([left, right], 1)))
        return Answer(self.head(hidden), hidden)

model = Model()
train_data = DataLoader(Samples(), 16)
"""


def test_inputs_by_name_and_a_dataclass_for_an_answer(tmp_path: Path) -> None:
    (tmp_path / "model.py").write_text(NAMED)
    done = command(tmp_path, "explain", "model.py", "--seconds", "5")
    assert done.returncode == 0, done.stderr
    (one,) = diagnose.load(tmp_path).trainings[0].explanations
    assert [given.id for given in one.inputs] == ["Model:left", "Model:right"] and one.task == "classification"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("x = 1\n", "to define model"),
        ("import torch\nmodel = torch.nn.Linear(2, 2)\n", "to define train_data or val_data"),
        ("import torch\nmodel = torch.nn.Linear(3, 2)\ntrain_data = (torch.ones(9, 4), torch.zeros(9).long())\n", "refuses its data"),
        ("1 / 0\n", "ZeroDivisionError"),
        ("raise SystemExit(4)\n", "ended with 4"),
    ],
)
def test_files_that_do_not_do_are_one_line(tmp_path: Path, source: str, said: str) -> None:
    (tmp_path / "model.py").write_text(source)
    done = command(tmp_path, "explain", "model.py")
    assert done.returncode in (1, 2) and len(done.stderr.splitlines()) == 1, done.stderr
    assert said in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "--method", "occlusion", "x.py"), "expected --explain beside --method"),
        (("run", "--explain", "--method", "magic", "x.py"), "expected --method to be one of"),
        (("explain", "nowhere.py"), "found no file"),
        (("explain", "--weights", "w.pt"), "expected a model.py with --weights"),
        (("explain", "model.py", "--target", "7"), "expected --target below 3"),
    ],
)
def test_what_cannot_be_asked_for_is_one_line(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    (tmp_path / "x.py").write_text("")
    (tmp_path / "model.py").write_text(MODEL)
    done = command(tmp_path, *arguments)
    assert done.returncode in (1, 2) and said in done.stderr.splitlines()[-1]


def test_a_plain_run_brings_no_captum(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(
        TABLE + "\nimport atexit\natexit.register(lambda: print('captum' in sys.modules, 'diagnose.observe.explain' in sys.modules))\n"
    )
    plain = command(tmp_path, "run", "-q", "program.py")
    assert plain.returncode == 0 and plain.stdout.splitlines()[-1] == "False False"


def test_the_terminal_says_that_it_was_explained() -> None:
    assert "explained: net by integrated-gradients, all its checks passed" in " ".join(recorded(TABLE, "leak")[2].stderr.split())
