"""Networks of 10,000 modules, and names that no one would choose: nothing is lost and nothing broken, up to every report."""

import json
import time
from html.parser import HTMLParser

import torch
from torch import nn

from diagnose.judge import judge
from diagnose.report import reporters
from diagnose.run import Run

from .conftest import Observing

NAMES = (
    'quote"', "apostrophe'", "line\nbreak", "<script>alert(1)</script>", "</script><b>", "x" * 10_000, "tab\t", "null\0byte",
    "`; DROP TABLE steps;--", "%s{}", "схема 🧠", "\x1b[31mred", "\ud800",
)  # fmt: skip


class Tags(HTMLParser):
    """Every tag of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)


def observed(observing: Observing, net: nn.Module, steps: int, size: int) -> Run:
    with observing() as session:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        for _ in range(steps):
            optimizer.zero_grad()
            nn.functional.mse_loss(net(torch.randn(8, size)), torch.randn(8, size)).backward()
            optimizer.step()
    run: Run = session.run  # type: ignore[attr-defined]
    return run


def test_names_that_no_one_would_choose(observing: Observing) -> None:
    net = nn.Sequential()
    for name in NAMES:
        net.add_module(name, nn.Linear(4, 4))
    plain = nn.Sequential(*(nn.Linear(4, 4) for _ in NAMES))
    run = observed(observing, net, 40, 4)
    torch.manual_seed(0)
    tags = {}
    for which, recorded in (("strange", run), ("plain", observed(observing, plain, 40, 4))):
        diagnosis = judge(recorded, strict=True)
        texts = {name: reporter.render(diagnosis) for name, reporter in reporters().items()}
        for text in texts.values():
            text.encode("utf-8", "backslashreplace")
        json.loads(texts["json"]), json.loads(texts["sarif"])
        assert "\x1b[31mred" not in texts["terminal"]
        parser = Tags()
        parser.feed(texts["html"])
        tags[which] = parser.tags
    assert tags["strange"].count("script") == tags["plain"].count("script"), "no name has become a part of the page"
    (training,) = run.trainings
    assert training.steps == 40 and len(training.layers) == len(NAMES) and len(training.parameters) == 2 * len(NAMES)
    assert {layer.path.removeprefix("net.") for layer in training.layers} == set(NAMES)
    assert training.matrix("gradient_norm").values.shape == (40, 2 * len(NAMES))


def test_ten_thousand_modules(observing: Observing) -> None:
    net = nn.Sequential(*(nn.Linear(1, 1) for _ in range(10_000)))
    for layer in net:
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    began = time.process_time()
    run = observed(observing, net, 3, 1)
    assert time.process_time() - began < 120
    (training,) = run.trainings
    assert training.steps == 3 and len(training.layers) == 10_000 and len(training.parameters) == 20_000
    norms = training.matrix("gradient_norm")
    assert norms.values.shape[1] == 20_000 and (norms.values > 0).any()
    assert not [event for event in training.events if event.kind == "probe-failed"]
    assert judge(run, strict=True).checked
