"""A diagnosis built by hand, and the program it speaks of."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from browsing import CHROMIUM, PATIENCE

from diagnose.finding import BlindSpot, Diagnosis, Evidence, Finding, Fix, NotChecked, Source
from diagnose.run import Optimizer, Run, Training

PROGRAM = """\
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(20, 10)

    def forward(self, x):
        return F.softmax(self.fc(x), dim=1)
"""


def made_diagnosis(**changes: object) -> Diagnosis:
    """An error with one symptom, a warning without a source, a note, blind spots and rules that could not speak."""
    training = Training(kind="classification", networks=["net"], optimizers=[Optimizer(0, "Adam")], steps=1200)
    run = Run(
        path=".diagnose/train-20261122-091500-4711",
        program="train.py",
        arguments=("--lr", "0.1"),
        started="2026-11-22T09:15:00+00:00",
        seconds=41.2,
        exit_status=0,
        trainings=(training,),
        facts={
            "overhead": {"fraction": 0.0123, "once_seconds": 0.41, "snapshots": 80},
            "versions": {"torch": "2.13.0", "python": "3.11.7"},
            "device": "cpu",
        },
    )
    softmax = Finding(
        message="rows of net.fc sum to 1 before cross_entropy at train.py:24, which applies softmax again",
        places=("net.fc",),
        evidence=(Evidence("loss_input_row_sum", "net.fc", (0, 120), 1.0, "within", (0.9999, 1.0001)),),
        confidence=0.98,
        steps=(0, 120),
        fix=Fix("return the logits: cross_entropy applies log-softmax itself", "        return self.fc(x)"),
        source=Source("train.py", 11),
        rule="softmax-before-cross-entropy",
        family="loss",
        rank=1,
    )
    stuck = Finding(
        message="training loss is 2.29 at step 1,199, 0.6 % below where it began (2.31), against 5 % expected",
        evidence=(Evidence("loss", None, (0, 1199), 0.006, "below", 0.05, statistic="relative fall"),),
        severity="error",
        confidence=0.9,
        rule="loss-not-decreasing",
        family="curves",
        rank=2,
        symptom_of=(softmax.id,),
    )
    inputs = Finding(
        message="inputs of net have mean 131 and standard deviation 74, against 0 ± 3 and at most 10",
        places=("net:0",),
        evidence=(
            Evidence("input_std", "net:0", (0, 1199), 74.03, "above", 10.0),
            Evidence("input_mean", "net:0", (0, 1199), 131.2, "outside", (-3.0, 3.0), statistic="mean"),
        ),
        severity="warning",
        confidence=0.85,
        steps=(0, 1199),
        fix=Fix("subtract 131 and divide by 74 before the first layer", "x = (x - 131.2) / 74.0"),
        rule="unnormalized-inputs",
        family="data",
        rank=3,
    )
    note = Finding(
        message="no evaluation on other data was seen in 1,200 steps",
        severity="note",
        confidence=0.99,
        rule="no-validation",
        family="curves",
        rank=4,
    )
    missed = [NotChecked(rule, "no-validation", "no evaluation was seen") for rule in ("overfitting", "overtraining")]
    missed += [NotChecked(rule, "other-kind", "not a GAN") for rule in ("mode-collapse", "discriminator-dominates")]
    missed += [NotChecked("short-memory", "other-kind", "no recurrent layer"), NotChecked("leak", "not-recorded", "")]
    diagnosis = Diagnosis(
        run=run,
        findings=(softmax, stuck, inputs, note),
        checked=("softmax-before-cross-entropy", "loss-not-decreasing", "unnormalized-inputs", "no-validation",
                 "dead-units", "exploding-gradients"),
        not_checked=tuple(missed),
        blind_spots=(BlindSpot("encoder", "compiled by torch.compile: its inner layers were not observed"),),
        suppressed=({"rule": "tiny-batches", "by": "pyproject.toml"},),
        settings={"unnormalized-inputs": {"std": 10.0}},
    )  # fmt: skip
    return replace(diagnosis, **changes)  # type: ignore[arg-type]


def sound(**facts: object) -> Diagnosis:
    """The same run with nothing found."""
    diagnosis = made_diagnosis(findings=(), blind_spots=(), suppressed=(), not_checked=())
    return replace(diagnosis, run=replace(diagnosis.run, **facts))


@pytest.fixture
def diagnosis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Diagnosis:
    """The diagnosis, in a folder where its program stands, last edited before the run."""
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "train.py"
    program.write_text(PROGRAM)
    os.utime(program, (1_700_000_000, 1_700_000_000))
    return made_diagnosis()


@pytest.fixture
def make() -> Callable[..., Diagnosis]:
    """Makes the diagnosis with other fields."""
    return made_diagnosis


@pytest.fixture
def make_sound() -> Callable[..., Diagnosis]:
    """Makes the diagnosis of a sound training, its run with other fields."""
    return sound


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """Compares a text with a file of `golden/`; `--update-golden` writes it."""

    def compare(name: str, text: str) -> None:
        file = Path(__file__).parent / "golden" / name
        if request.config.getoption("--update-golden"):
            file.write_text(text, encoding="utf-8")
        assert text == file.read_text(encoding="utf-8"), f"{file.name} differs; if rightly so, pytest --update-golden"

    return compare


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        started = driver.chromium.launch(executable_path=CHROMIUM, args=flags, timeout=PATIENCE)
        yield started
        started.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens a file; what the page asks for and complains of is kept on it, and must be nothing."""
    with contextlib.ExitStack() as stack:
        complaints: list[str] = []
        requests: list[str] = []

        def open_(file: Path, width: int = 1280, **options: Any) -> Any:
            context = browser.new_context(viewport={"width": width, "height": 800}, offline=True, **options)
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(PATIENCE)
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("request", lambda request: requests.append(request.url))
            page.goto(file.as_uri())
            return page

        yield open_
        assert complaints == []
        assert [url for url in requests if not url.startswith(("file:", "data:"))] == []
