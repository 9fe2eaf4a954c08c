"""The arithmetic read off the graph of a step is what torch's own counter counts while the step runs."""

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from diagnose.observe import graph
from diagnose.observe.flops import count
from diagnose.report.page.arithmetic import arithmetic, multiply_adds

from .conftest import Recorded


class Attention(nn.Module):
    """Products of matrices that are no layer's."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key = nn.Linear(16, 16), nn.Linear(16, 16)

    def forward(self, x: Tensor) -> Tensor:
        return (self.query(x) @ self.key(x).transpose(1, 2)).softmax(-1) @ x


class Unrolled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(6, 7)

    def forward(self, x: Tensor) -> Tensor:
        h = torch.zeros(len(x), 7)
        for t in range(x.shape[1]):
            h = self.cell(x[:, t], h)
        return h


def frozen(net: nn.Sequential, at: int) -> nn.Sequential:
    net[at].requires_grad_(False)
    return net


CASES: dict[str, Callable[[], tuple[nn.Module, Tensor]]] = {
    "mlp": lambda: (nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5)), torch.randn(8, 20)),
    "without bias, more axes": lambda: (nn.Linear(20, 30, bias=False), torch.randn(4, 8, 20)),
    "convolutions": lambda: (nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2)),
                             torch.randn(2, 3, 16, 16)),
    "one dimension": lambda: (nn.Conv1d(3, 4, 3, stride=2, padding=1, dilation=2), torch.randn(2, 3, 19)),
    "transposed": lambda: (nn.ConvTranspose2d(3, 4, 3, stride=2, padding=1, output_padding=1), torch.randn(2, 3, 9, 9)),
    "transposed within": lambda: (nn.Sequential(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 2, 5)), torch.randn(2, 3, 9, 9)),
    "attention by hand": lambda: (Attention(), torch.randn(2, 5, 16)),
    "transformer": lambda: (nn.TransformerEncoderLayer(16, 4, 32, batch_first=True), torch.randn(2, 5, 16)),
    "gru cell": lambda: (Unrolled(), torch.randn(3, 5, 6)),
    "gru": lambda: (nn.GRU(6, 7, num_layers=2, bidirectional=True), torch.randn(5, 3, 6)),
    "frozen last layer": lambda: (frozen(nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5)), 2), torch.randn(8, 20)),
}  # fmt: skip


def scalar(net: nn.Module, x: Tensor) -> Tensor:
    made = net(x)
    return (made[0] if isinstance(made, tuple) else made).square().mean()


def counted(loss: Tensor):
    return count(graph.walk([loss.grad_fn]))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_torch_s_counter_counts_the_same(case):
    net, x = case()
    with FlopCounterMode(display=False) as counter:
        loss = scalar(net, x)
        forward = counter.get_total_flops()
        loss.backward()
    found = counted(scalar(net, x))
    assert forward > 0
    assert (found.forward, found.backward) == (forward, counter.get_total_flops() - forward)
    assert not found.unknown


def test_a_grouped_convolution_s_gradients_cost_as_much_as_it_does():
    """torch's counter forgets the groups in the backward, and counts four times as much here."""
    net = nn.Conv2d(4, 8, 3, groups=4)
    found = counted(scalar(net, torch.randn(2, 4, 9, 9)))
    assert found.forward == found.backward == 2 * (2 * 8 * 7 * 7) * (1 * 3 * 3)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.RNN])
def test_a_recurrent_kernel_counts_as_if_unrolled(kind):
    """torch's counter sees nothing in an LSTM's kernel."""
    net = kind(6, 7, num_layers=2)
    found = counted(scalar(net, torch.randn(5, 3, 6)))
    gates = {nn.LSTM: 4, nn.RNN: 1}[kind]
    products = [6, 7, 7, 7]  # what each weight matrix is applied to: input and state, of each layer
    assert found.forward == 5 * 3 * sum(2 * gates * 7 * size for size in products)
    assert found.forward < found.backward <= 2 * found.forward


def test_attention_counts_the_same_on_every_device():
    query = torch.randn(2, 4, 5, 8, requires_grad=True)
    key = torch.randn(2, 4, 6, 8, requires_grad=True)
    fused = counted(F.scaled_dot_product_attention(query, key, key).sum())
    assert fused.forward == 2 * (2 * 2 * 4 * 5 * 6 * 8)
    assert fused.backward == 5 * fused.forward // 2  # the scores are computed once more


def test_what_hides_in_a_checkpoint_is_said():
    net = nn.Sequential(nn.Linear(20, 30), nn.ReLU())
    hidden = checkpoint(net, torch.randn(8, 20, requires_grad=True), use_reentrant=True)
    assert dict(counted(hidden.sum()).unknown) == {"checkpoint_function": 1}


def test_the_saved_tensors_are_not_touched():
    def unpack(_):
        raise AssertionError("a saved tensor was asked for")

    with torch.autograd.graph.saved_tensors_hooks(lambda x: x, unpack):
        loss = scalar(nn.Sequential(nn.Conv1d(3, 4, 3), nn.Flatten(), nn.Linear(28, 5)), torch.randn(2, 3, 9))
    assert counted(loss).forward == 2 * (2 * 4 * 7 * 3 * 3) + 2 * (2 * 28 * 5)


def test_every_backward_of_a_step_is_counted_and_nothing_runs_twice(recorded: Recorded) -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    calls = []
    net.register_forward_hook(lambda *_: calls.append(1))

    def train() -> None:
        for _ in range(3):
            optimizer.zero_grad()
            for _ in range(2):
                F.cross_entropy(net(torch.randn(6, 4)), torch.zeros(6, dtype=torch.long)).backward()
            optimizer.step()

    training = recorded(train)
    assert len(calls) == 6
    first, second = 2 * 6 * 4 * 8, 2 * 6 * 8 * 2
    assert training.series("forward_flops").values.tolist() == [2 * (first + second)] * 3
    assert training.series("backward_flops").values.tolist() == [2 * (first + 2 * second)] * 3
    assert training.series("forward_flops").unit == "FLOP"


def test_what_could_not_be_counted_is_a_fact(recorded: Recorded) -> None:
    net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)

    def train() -> None:
        for _ in range(2):
            optimizer.zero_grad()
            hidden = checkpoint(net[:2], torch.randn(6, 4, requires_grad=True), use_reentrant=True)
            net[2](hidden).sum().backward()
            optimizer.step()

    assert recorded(train).facts["uncounted_operations"] == ["checkpoint_function"]


class Mixed(nn.Module):
    """Every kind of layer whose arithmetic is estimated from its shapes."""

    def __init__(self) -> None:
        super().__init__()
        self.convolution, self.embedding = nn.Conv1d(16, 16, 3, padding=1, groups=2), nn.Embedding(50, 16)
        self.lstm, self.gru = nn.LSTM(16, 12, 2, batch_first=True, bidirectional=True), nn.GRU(24, 24, batch_first=True)
        self.attention, self.head = nn.MultiheadAttention(24, 4, batch_first=True), nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.convolution(self.embedding(x).transpose(1, 2)).transpose(1, 2)
        x = self.gru(self.lstm(x)[0])[0]
        return self.head(self.attention(x, x, x)[0].mean(1))


def test_what_is_estimated_from_shapes_equals_what_is_counted(recorded: Recorded) -> None:
    def train() -> None:
        net = Mixed()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            F.cross_entropy(net(torch.randint(0, 50, (4, 7))), torch.zeros(4, dtype=torch.long)).backward()
            optimizer.step()

    training = recorded(train)
    layers = {layer.path: multiply_adds(layer) for layer in training.layers}
    assert len([amount for amount in layers.values() if amount]) == 5
    assert 2 * sum(amount or 0 for amount in layers.values()) == training.series("forward_flops").values[0]


def test_frozen_layers_before_the_first_trained_one_are_estimated_and_said_so(recorded: Recorded) -> None:
    def train() -> None:
        net = frozen(nn.Sequential(nn.Linear(20, 30), nn.ReLU(), nn.Linear(30, 5)), 0)
        optimizer = torch.optim.SGD(net[2].parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            F.cross_entropy(net(torch.randn(8, 20)), torch.zeros(8, dtype=torch.long)).backward()
            optimizer.step()

    found = arithmetic(recorded(train))
    assert (found.forward, found.backward, found.estimated) == (12000, 2400, 9600)
    assert "of these 9.6 kFLOP estimated from the shapes of 1 layer that needs no gradient" in found.words
