"""--baseline: only new findings count."""

import subprocess
import sys

import pytest

from diagnose.cli._baseline import Baseline
from diagnose.errors import UsageError
from diagnose.finding import Diagnosis, Finding
from diagnose.report import html, json
from diagnose.run import Run

CAUSE = Finding("a 1", ("net.0",), rule="dead-units", rank=1)
SYMPTOM = Finding("b 1", rule="loss-not-decreasing", rank=2, symptom_of=(CAUSE.id,))
OTHER = Finding("c 1", ("net.1",), rule="dead-units", rank=3, severity="warning")
PROGRAM = """
import torch
from torch import nn
torch.manual_seed(0)
torch.set_num_threads(1)
net = nn.Sequential(nn.Linear(20, 32), nn.ReLU(), nn.Linear(32, 10), nn.Softmax(dim=1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
for _ in range(300):
    x = torch.randn(32, 20)
    loss = nn.functional.cross_entropy(net(x), x[:, :10].argmax(1))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
"""
WHOLE = Diagnosis(Run("r", "x.py"), (CAUSE, SYMPTOM, OTHER), ("dead-units",))


def test_known_findings_are_set_aside_and_told(tmp_path):
    file = tmp_path / "old.json"
    file.write_text(json.render(Diagnosis(Run("r", "x.py"), (CAUSE,), ())))
    left = Baseline.read(str(file)).without(WHOLE)
    assert [(f.rule, f.rank, f.symptom_of) for f in left.findings] == [
        ("loss-not-decreasing", 1, ()),
        ("dead-units", 2, ()),
    ]
    assert left.suppressed == ({"rule": "dead-units", "by": f"baseline {file}", "id": CAUSE.id},)


def test_its_own_baseline_leaves_nothing(tmp_path):
    file = tmp_path / "old.json"
    file.write_text(json.render(WHOLE))
    left = Baseline.read(str(file)).without(WHOLE)
    assert left.level == "healthy"
    assert len(left.suppressed) == 3


def test_a_page_is_a_baseline_too(tmp_path):
    file = tmp_path / "old.html"
    file.write_text(html.render(WHOLE))
    assert Baseline.read(str(file)).without(WHOLE).findings == ()
    file.write_text("<p>hello")
    with pytest.raises(UsageError, match="expected --baseline"):
        Baseline.read(str(file))


@pytest.mark.parametrize("content", [None, "", "[]", "{}", '{"findings": [{}]}', '{"findings": 3}', "\0"])
def test_what_is_no_baseline_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / "old.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(UsageError) as caught:
        Baseline.read(str(file))
    assert "expected --baseline" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_run_counts_only_what_its_baseline_does_not_know(tmp_path):
    (tmp_path / "train.py").write_text(PROGRAM)

    def status(*options: str) -> int:
        command = [sys.executable, "-m", "diagnose", "run", "-q", "--fail-on", "error", *options, "train.py"]
        return subprocess.run(command, cwd=tmp_path, timeout=120, check=False).returncode

    assert status("-o", "old.json") == 3
    assert status("--baseline", "old.json", "-o", "new.json") == 0
    assert "softmax-before-cross-entropy" in (tmp_path / "new.json").read_text()  # told as set aside
    assert status("--baseline", "nowhere.json") == 2
