"""Activations of parameters that the program multiplies itself, with no layer before them."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from diagnose.run import Training

Recorded = Callable[..., Training]
X, Y = torch.randn(16, 4, generator=torch.Generator().manual_seed(0)), torch.arange(16) % 2


def drawn() -> list[Tensor]:
    own = torch.Generator().manual_seed(1)
    return [torch.randn(*shape, generator=own).requires_grad_() for shape in ((4, 8), (8,), (8, 6), (6,), (6, 2), (2,))]


def hidden(x: Tensor, w1: Tensor, b1: Tensor, w2: Tensor, b2: Tensor) -> tuple[Tensor, Tensor]:
    first = torch.tanh(x @ w1 + b1)
    return first, F.relu(first @ w2 + b2)


def by_hand(steps: int) -> None:
    w1, b1, w2, b2, w3, b3 = drawn()
    parameters = [w1, b1, w2, b2, w3, b3]
    for _ in range(steps):
        loss = F.cross_entropy(hidden(X, w1, b1, w2, b2)[1] @ w3 + b3, Y)
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        for parameter in parameters:
            assert parameter.grad is not None
            parameter.data -= 0.1 * parameter.grad


def optimized(steps: int) -> None:
    w1, b1, w2, b2, w3, b3 = drawn()
    optimizer = torch.optim.SGD([w1, b1, w2, b2, w3, b3], lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(hidden(X, w1, b1, w2, b2)[1] @ w3 + b3, Y).backward()
        optimizer.step()


@pytest.mark.parametrize("train", [by_hand, optimized])
def test_tensors_without_a_module(train: Callable[[int], None], recorded: Recorded) -> None:
    training = recorded(lambda: train(6))
    assert training.networks == ()
    assert [layer.path for layer in training.layers] == ["w1/tanh", "w2/relu"]
    w1, b1, w2, b2, w3, b3 = drawn()
    first, second = hidden(X, w1, b1, w2, b2)
    first.retain_grad()
    second.retain_grad()
    F.cross_entropy(second @ w3 + b3, Y).backward()
    for place, output in (("w1/tanh", first), ("w2/relu", second)):
        assert training.series("output_std", place).values[0] == pytest.approx(output.std().item(), rel=0.05)
        assert output.grad is not None
        norms = training.series("output_gradient_norm", place)
        assert list(norms.steps) == list(range(training.steps)) and training.steps >= 5  # the last by hand may end unseen
        assert norms.values[0] == pytest.approx(output.grad.norm().item(), rel=1e-5)
    edges = {(edge.source, edge.target) for edge in training.edges}
    assert {("input", "w1/tanh"), ("w1/tanh", "w2/relu"), ("w2/relu", training.losses[0].id)} <= edges


class Alone(nn.Module):
    """A whole network in one module."""

    def __init__(self) -> None:
        super().__init__()
        self.w1, self.b1, self.w2, self.b2, self.w3, self.b3 = map(nn.Parameter, drawn())

    def forward(self, x: Tensor) -> Tensor:
        return hidden(x, self.w1, self.b1, self.w2, self.b2)[1] @ self.w3 + self.b3


class Scaled(nn.Module):
    """What is learnt as a logarithm is no activation."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.gate, self.last = nn.Parameter(torch.zeros(4)), nn.Parameter(torch.zeros(4)), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.last(x * self.scale.exp() * torch.sigmoid(self.gate))


class Cell(nn.Module):
    """A recurrent network written out, and a layer behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.w, self.u = nn.Parameter(torch.eye(4)), nn.Parameter(torch.eye(4) / 2)
        self.last = nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        state = torch.zeros_like(x)
        for _ in range(6):
            state = torch.tanh(x @ self.w + state @ self.u)
        return self.last(state)


def of(make: Callable[[], nn.Module]) -> Callable[[], None]:
    def train() -> None:
        net = make()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(5):
            optimizer.zero_grad()
            F.cross_entropy(net(X), Y).backward()
            optimizer.step()

    return train


def test_parameters_of_one_module(recorded: Recorded) -> None:
    training = recorded(of(Alone))
    assert [layer.path for layer in training.layers] == ["net.w1/tanh", "net.w2/relu", "net"]
    assert {layer.network for layer in training.layers} == {"net"}
    edges = {(edge.source, edge.target) for edge in training.edges}
    assert {("net.w1/tanh", "net.w2/relu"), ("net.w2/relu", "net"), ("net", training.losses[0].id)} <= edges


def test_functions_of_parameters_alone_are_left_out(recorded: Recorded) -> None:
    assert [layer.path for layer in recorded(of(Scaled)).layers] == ["net.last"]


def test_steps_of_a_recurrent_network_written_out(recorded: Recorded) -> None:
    training = recorded(of(Cell))
    assert [layer.path for layer in training.layers] == [*(f"net.w/tanh{n}" for n in ("", "#2", "#3", "#4")), "net.last"]
    assert len(training.series("output_gradient_norm", "net.w/tanh").values) == 5
