"""Six small trainings on random data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

Step = Callable[[], None]


@dataclass(frozen=True)
class Workload:
    """One step as a function, and what other tools want to be given: each network, its optimizer, an input, the classes."""

    step: Step
    networks: list[tuple[nn.Module, torch.optim.Optimizer, Any]]
    classes: Tensor | None = None  # of the input's rows, where the network is a plain classifier


def _steps(model: nn.Module, given: Any, loss: Callable[[], Tensor], classes: Tensor | None = None) -> Workload:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step() -> None:
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return Workload(step, [(model, optimizer, given)], classes)


def mlp() -> Workload:
    """784-256-256-10, batch 64."""
    net = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))
    x, y = torch.randn(64, 784), torch.randint(0, 10, (64,))
    return _steps(net, x, lambda: F.cross_entropy(net(x), y), classes=y)


def cnn() -> Workload:
    """Two convolutions on 1×28×28, batch 64."""
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 49, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10),
    )  # fmt: skip
    x, y = torch.randn(64, 1, 28, 28), torch.randint(0, 10, (64,))
    return _steps(net, x, lambda: F.cross_entropy(net(x), y), classes=y)


class _Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(64, 64)
        self.lstm = nn.LSTM(64, 256, num_layers=2, batch_first=True)
        self.head = nn.Linear(256, 64)

    def forward(self, tokens: Tensor) -> Tensor:  # (batch, time) -> (batch, time, symbols)
        return self.head(self.lstm(self.embedding(tokens))[0])


def lstm() -> Workload:
    """Two layers of 256, length 64, batch 32."""
    net = _Recurrent()
    x, y = torch.randint(0, 64, (32, 64)), torch.randint(0, 64, (32, 64))
    return _steps(net, x, lambda: F.cross_entropy(net(x).flatten(0, 1), y.flatten()))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        normal = self.before(x)
        x = x + self.attention(normal, normal, normal, attn_mask=mask, need_weights=False)[0]
        return x + self.feed(self.between(x))


class _Transformer(nn.Module):
    def __init__(self, width: int = 256, depth: int = 4, length: int = 128) -> None:
        super().__init__()
        self.tokens, self.places = nn.Embedding(64, width), nn.Embedding(length, width)
        self.blocks = nn.ModuleList(_Block(width, 4) for _ in range(depth))
        self.head = nn.Linear(width, 64)
        self.register_buffer("mask", torch.full((length, length), float("-inf")).triu(1))

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.tokens(tokens) + self.places.weight
        for block in self.blocks:
            x = block(x, self.mask)
        return self.head(x)


def gpt() -> Workload:
    """Four layers of 256, length 128, batch 16."""
    net = _Transformer()
    x, y = torch.randint(0, 64, (16, 128)), torch.randint(0, 64, (16, 128))
    return _steps(net, x, lambda: F.cross_entropy(net(x).flatten(0, 1), y.flatten()))


class _Residual(nn.Module):
    def __init__(self, inside: int, outside: int, stride: int) -> None:
        super().__init__()
        self.path = nn.Sequential(
            nn.Conv2d(inside, outside, 3, stride, 1, bias=False), nn.BatchNorm2d(outside), nn.ReLU(),
            nn.Conv2d(outside, outside, 3, 1, 1, bias=False), nn.BatchNorm2d(outside),
        )  # fmt: skip
        same = stride == 1 and inside == outside
        self.short = nn.Identity() if same else nn.Conv2d(inside, outside, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.path(x) + self.short(x))


def resnet18() -> Workload:
    """ResNet-18 for 3×32×32, batch 32."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
    inside = 64
    for outside, stride in ((64, 1), (128, 2), (256, 2), (512, 2)):
        layers += [_Residual(inside, outside, stride), _Residual(outside, outside, 1)]
        inside = outside
    net = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    x, y = torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))
    return _steps(net, x, lambda: F.cross_entropy(net(x), y), classes=y)


def gan() -> Workload:
    """A DCGAN pair on 1×32×32, batch 32: a step of each."""
    generator = nn.Sequential(
        nn.ConvTranspose2d(64, 64, 4), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),
        nn.ConvTranspose2d(16, 1, 4, 2, 1), nn.Tanh(),
    )  # fmt: skip
    discriminator = nn.Sequential(
        nn.Conv2d(1, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 64, 4, 2, 1), nn.BatchNorm2d(64), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 64, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(1024, 1),
    )  # fmt: skip
    of_generator = torch.optim.Adam(generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    of_discriminator = torch.optim.Adam(discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
    real, ones, zeros = torch.randn(32, 1, 32, 32), torch.ones(32, 1), torch.zeros(32, 1)

    def step() -> None:
        fake = generator(torch.randn(32, 64, 1, 1))
        of_discriminator.zero_grad()
        judged = F.binary_cross_entropy_with_logits(discriminator(real), ones)
        (judged + F.binary_cross_entropy_with_logits(discriminator(fake.detach()), zeros)).backward()
        of_discriminator.step()
        of_generator.zero_grad()
        F.binary_cross_entropy_with_logits(discriminator(fake), ones).backward()
        of_generator.step()

    noise = torch.randn(32, 64, 1, 1)
    return Workload(step, [(generator, of_generator, noise), (discriminator, of_discriminator, real)])


def digits() -> Workload:
    """The feedforward reference network as demos/feedforward.py trains it: six layers of 64, dropout, batches of 32 digits."""
    parts = [part for _ in range(6) for part in (nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.15))]
    net = nn.Sequential(*parts, nn.Linear(64, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    digits = TensorDataset(torch.randn(1440, 64), torch.randint(0, 10, (1440,)))
    loader, batches, total = DataLoader(digits, batch_size=32, shuffle=True), iter(()), 0.0

    def step() -> None:
        nonlocal batches, total
        batch = next(batches, None)
        if batch is None:
            batches = iter(loader)
            batch = next(batches)
        x, y = batch
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)

    return Workload(step, [(net, optimizer, digits.tensors[0][:32])])


WORKLOADS = {f.__name__: f for f in (digits, mlp, cnn, lstm, gan, gpt, resnet18)}
