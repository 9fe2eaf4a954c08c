"""Where NaN or infinity came from: the first place and step."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diagnose.run import Event

from .conftest import Observing

X, Y = torch.linspace(-2, 2, 24).reshape(6, 4).sin(), torch.arange(6) % 2


def found(observing: Observing, net: nn.Module, x: Any = lambda i: X, every: int = 1, steps: int = 5) -> Event:
    with observing(every=every) as session:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        for i in range(steps):
            optimizer.zero_grad()
            F.cross_entropy(net(x(i)), Y).backward()
            optimizer.step()
    (event,) = [e for e in session.run.trainings[0].events if e.kind == "non-finite"]
    return event


class Breaks(nn.Module):
    """Sound until the step at which its middle layer's output is taken apart."""

    def __init__(self, how: str, at: int) -> None:
        super().__init__()
        self.first = nn.Linear(4, 4)
        self.second = nn.Linear(4, 4)
        self.last = nn.Linear(4, 2)
        self.how, self.at, self.calls = how, at, 0

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.first(x)
        if self.calls == self.at:
            hidden = torch.log(-hidden.abs() - 1) if self.how == "nan" else hidden / torch.zeros(())
        self.calls += 1
        return self.last(torch.relu(self.second(hidden)))


@pytest.mark.parametrize("every", [1, 1000])
@pytest.mark.parametrize("how", ["nan", "inf"])
def test_the_first_operation(how: str, every: int, observing: Observing) -> None:
    net = Breaks(how, at=3)
    event = found(observing, net, every=every)
    assert event.step == 3
    assert event.details["what"] == "output"
    assert event.place == "net.first"
    assert event.details["operation"] == ("log" if how == "nan" else "div")
    assert event.details["value"] in ("nan", "inf")
    assert event.details["first"] is True
    assert net.calls == 5  # the program's forward was never run again


def test_an_input(observing: Observing) -> None:
    bad = X.clone()
    bad[2, 1] = float("nan")
    net = nn.Sequential(nn.Linear(4, 2))
    event = found(observing, net, lambda i: bad if i >= 2 else X)
    assert (event.step, event.details["what"], event.details["value"]) == (2, "input", "nan")
    assert event.place == "net:0"
    assert event.details["share"] == pytest.approx(1 / 24)


def test_a_parameter(observing: Observing) -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))

    def x(i: int) -> Tensor:
        if i == 2:
            with torch.no_grad():
                net[1].weight[0, 0] = float("inf")
        return X

    event = found(observing, net, x)
    assert (event.step, event.details["what"], event.place) == (2, "parameter", "net.1.weight")


def test_a_gradient(observing: Observing) -> None:
    """The loss is finite, its gradient is not: the square root's slope at zero."""

    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 4)
            self.last = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            return self.last(torch.sqrt(self.first(x).abs()))

    net = Root()
    with torch.no_grad():
        net.first.weight.zero_()
        net.first.bias.zero_()
    with observing() as session:
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        optimizer.zero_grad()
        F.cross_entropy(net(X), Y).backward()
        optimizer.step()
    (event,) = [e for e in session.run.trainings[0].events if e.kind == "non-finite"]
    assert (event.step, event.details["what"]) == (0, "gradient")
    assert event.place in ("net.first.weight", "net.first.bias")


def test_under_checkpointing_nothing_is_run_again(observing: Observing) -> None:
    from torch.utils.checkpoint import checkpoint

    calls = 0

    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Linear(4, 2)

        def forward(self, x: Tensor) -> Tensor:
            nonlocal calls
            calls += 1
            return torch.log(-self.first(x).abs() - 1)

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Inner()

        def forward(self, x: Tensor) -> Tensor:
            return checkpoint(self.inner, x, use_reentrant=False)

    event = found(observing, Net(), steps=1)
    assert event.details["what"] == "loss"
    assert calls == 2  # the forward and the recomputation


@pytest.mark.parametrize(("data", "what"), [(float("nan"), "input"), (1.0, "output")])
def test_bare_tensors_are_given_nan_or_make_it(observing: Observing, data: float, what: str) -> None:
    x = X.clone()
    x[2, 1] = data
    w = torch.randn(4, 2, requires_grad=True)
    with observing() as session:
        optimizer = torch.optim.SGD([w], lr=0.1)
        for _ in range(3):
            optimizer.zero_grad()
            scores = x @ w if what == "input" else (x @ w - 100).sqrt()
            F.cross_entropy(scores, Y).backward()
            optimizer.step()
    (event,) = [e for e in session.run.trainings[0].events if e.kind == "non-finite" and e.details["what"] != "gradient"][:1]
    assert (event.details["what"], event.details["value"]) == (what, "nan")
    assert event.details["operation"] == ("mm" if what == "input" else "sqrt")
