"""The graph of a step is walked again when it may tell something new."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diagnose.observe import graph
from diagnose.run import Training

Recorded = Callable[..., Training]
X, Y = torch.randn(16, 4, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 2


class Late(nn.Module):
    """Calls a function that is no module, from some step on."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(4, 8), nn.Linear(8, 2)
        self.after, self.calls = after, 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        x = self.first(x)
        return self.last(torch.tanh(x) if self.calls > self.after else x)


def fit(net: nn.Module, steps: int) -> None:
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(X), Y).backward()
        optimizer.step()


def test_an_activation_that_comes_late_is_seen_at_once(recorded: Recorded) -> None:
    training = recorded(lambda: fit(Late(21), 30))
    series = training.series("output_std", "net.first/tanh")
    assert [step for step, value in zip(series.steps, series.values, strict=True) if value == value] == list(range(21, 30))
    assert training.series("output_gradient_norm", "net.first/tanh").values[-1] > 0
    edges = {(edge.source, edge.target) for edge in training.edges}
    assert {("net.first", "net.first/tanh"), ("net.first/tanh", "net.last")} <= edges


def test_a_graph_that_stays_the_same_is_seldom_walked(recorded: Recorded, monkeypatch: pytest.MonkeyPatch) -> None:
    walk, walks = graph.walk, list[int]()
    monkeypatch.setattr(graph, "walk", lambda *args, **kwargs: walks.append(1) or walk(*args, **kwargs))
    training = recorded(lambda: fit(Late(10**9), 40))
    assert len(walks) <= 4 + 40 // 8
    assert len(training.series("output_gradient_norm", "net.last").values) == 40
    walks.clear()
    recorded(lambda: fit(Late(0), 10))
    assert len(walks) == 10  # an activation in it is read on every one
