"""Small trainings of every family, each from a fixed seed: they return all that must not change when they are observed."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = dict[str, Any]


def state(*modules: nn.Module, **more: Any) -> State:
    """Weights, buffers, the random generator, and the settings of torch that belong to the program."""
    found: State = {f"{i}.{name}": value.clone() for i, m in enumerate(modules) for name, value in m.state_dict().items()}
    found |= more
    found["random"] = torch.random.get_rng_state()
    found["settings"] = (
        torch.is_grad_enabled(), torch.get_default_dtype(), torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(), torch.backends.cudnn.benchmark, torch.get_num_threads(),
        torch.is_anomaly_enabled(), torch.is_inference_mode_enabled(), torch.is_autocast_enabled("cpu"),
    )  # fmt: skip
    return found


def identical(one: State, other: State) -> bool:
    """Bit for bit."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        if isinstance(value, Tensor):
            assert torch.equal(value, other[name]), name
        else:
            assert value == other[name], name
    return True


def mlp(steps: int = 12) -> State:
    net = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 3))
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-2)
    x, y = torch.randn(32, 8), torch.randint(0, 3, (32,))
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(net(x), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():
        return state(net, output=net(x), loss=F.cross_entropy(net(x), y))


def cnn(steps: int = 8) -> State:
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2), nn.Dropout(0.3), nn.Flatten(),
        nn.Linear(4 * 9, 3),
    )  # fmt: skip
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    data = torch.utils.data.TensorDataset(torch.randn(48, 1, 8, 8), torch.randint(0, 3, (48,)))
    loader = torch.utils.data.DataLoader(data, batch_size=8, shuffle=True)
    evaluations = []
    for _ in range(max(1, steps // 6)):
        net.train()
        for x, y in loader:
            optimizer.zero_grad()
            nn.CrossEntropyLoss()(net(x), y).backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
        net.eval()
        with torch.no_grad():
            evaluations += [net(x) for x, _ in loader]
    return state(net, evaluations=torch.cat(evaluations))


class Tagger(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(11, 6)
        self.lstm = nn.LSTM(6, 8, num_layers=2, dropout=0.4, batch_first=True)
        self.head = nn.Linear(8, 11)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden, _ = self.lstm(self.embedding(tokens))
        return self.head(hidden)


def lstm(steps: int = 8) -> State:
    net = Tagger()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    tokens = torch.randint(0, 11, (16, 9))
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=False)
        scores = net(tokens[:, :-1])
        F.cross_entropy(scores.reshape(-1, 11), tokens[:, 1:].reshape(-1)).backward()
        optimizer.step()
    net.eval()
    return state(net, output=net(tokens).detach())


def gan(steps: int = 8) -> State:
    generator = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 2))
    discriminator = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Dropout(0.1), nn.Linear(16, 1))
    first = torch.optim.Adam(discriminator.parameters(), lr=1e-3)
    second = torch.optim.Adam(generator.parameters(), lr=1e-3)
    bce = nn.BCEWithLogitsLoss()
    for _ in range(steps):
        real, noise = torch.randn(16, 2), torch.randn(16, 4)
        first.zero_grad()
        fake = generator(noise)
        loss = bce(discriminator(real), torch.ones(16, 1)) + bce(discriminator(fake.detach()), torch.zeros(16, 1))
        loss.backward()
        first.step()
        second.zero_grad()
        bce(discriminator(fake), torch.ones(16, 1)).backward()
        second.step()
    return state(generator, discriminator, output=generator(torch.randn(5, 4)).detach())


def transformer(steps: int = 6) -> State:
    layer = nn.TransformerEncoderLayer(8, 2, dim_feedforward=16, dropout=0.1, batch_first=True)
    net = nn.TransformerEncoder(layer, 2)
    head = nn.Linear(8, 3)
    optimizer = torch.optim.Adam([*net.parameters(), *head.parameters()], lr=1e-3)
    x, y = torch.randn(12, 5, 8), torch.randint(0, 3, (12,))
    for _ in range(steps):
        optimizer.zero_grad()
        F.cross_entropy(head(net(x).mean(1)), y).backward()
        optimizer.step()
    net.eval()
    with torch.no_grad():  # takes the fast path, which is off where anything overrides torch functions
        return state(net, head, output=net(x), scores=head(net(x).mean(1)))


FAMILIES: dict[str, Callable[[], State]] = {
    "mlp": mlp, "cnn": cnn, "lstm": lstm, "gan": gan, "transformer": transformer,
}  # fmt: skip
