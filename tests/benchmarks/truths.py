"""Networks and data on which it is known what the network must look at, sample by sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Loss = Callable[..., Tensor]


@dataclass
class Truth:
    """A trained network with samples; `right` says of every place of a sample's map whether the strongest may stand there.

    right: (samples, *shape of a sample's map), bool.
    """

    name: str
    model: nn.Module
    inputs: Tensor
    targets: Tensor
    loss: Loss
    right: Tensor
    rows: Tensor  # the samples that are looked at


def fitted(model: nn.Module, x: Tensor, y: Tensor, loss: Loss, steps: int = 300, rate: float = 1e-2) -> nn.Module:
    """The model after some steps of Adam."""
    optimizer = torch.optim.Adam(model.parameters(), rate)
    for _ in range(steps):
        some = torch.randint(0, len(x), (64,))
        optimizer.zero_grad()
        loss(model(x[some]), y[some]).backward()
        optimizer.step()
    return model.eval()


def linear(seed: int) -> Truth:
    """A linear model with known weights: right is the feature with the largest weight times distance from the mean."""
    torch.manual_seed(seed)
    weights = torch.tensor([3.0, -2.0, 1.5] + [0.0] * 9)
    x = torch.randn(400, 12) + torch.linspace(-3, 3, 12)  # means that are not zero: the baseline matters
    model = nn.Linear(12, 1)
    model.weight.data[:] = weights
    contribution = (weights * (x - x.mean(0))).abs()
    right = contribution == contribution.amax(1, keepdim=True)
    y = (x @ weights)[:, None] + model.bias.detach()
    return Truth("linear weights", model.eval(), x, y, F.mse_loss, right, torch.arange(100))


class Convolutional(nn.Module):
    """Two convolutions and a linear layer."""

    def __init__(self, side: int, classes: int, channels: int = 8) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, 3, padding=1)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.head = nn.Linear(channels * (side // 2) ** 2, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.first(x))
        x = F.max_pool2d(torch.relu(self.second(x)), 2)
        found: Tensor = self.head(x.flatten(1))
        return found


def planted_mark(seed: int) -> Truth:
    """Real digits with a corner pixel block whose brightness is the class: right is the block of three pixels a side."""
    from sklearn.datasets import load_digits

    torch.manual_seed(seed)
    digits = load_digits()
    x, y = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 16, torch.tensor(digits.target)
    y = (y >= 5).long()
    x = F.pad(x, (2, 2, 2, 2))
    x[:, 0, 0:2, 0:2] = y[:, None, None].float() * 2 - 1  # -1 or 1 in the corner of a black frame
    model = fitted(Convolutional(12, 2), x, y, F.cross_entropy, 200, 3e-3)
    right = torch.zeros(len(x), 1, 12, 12, dtype=torch.bool)
    right[:, :, 0:3, 0:3] = True  # a convolution of three pixels may see the mark's edge
    return Truth("corner mark", model, x, y, F.cross_entropy, right, torch.randperm(len(x))[:100])


class Recurrent(nn.Module):
    """A GRU whose last output decides."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(3, 24, batch_first=True)
        self.head = nn.Linear(24, 2)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.head(self.gru(x)[0][:, -1])
        return found


def one_time_step(seed: int) -> Truth:
    """A sequence whose label is the sign of channel 1 at time 4: right is that place."""
    torch.manual_seed(seed)
    x = torch.randn(1200, 12, 3)
    y = (x[:, 4, 1] > 0).long()
    model = fitted(Recurrent(), x[:1000], y[:1000], F.cross_entropy, 500)
    right = torch.zeros(len(x), 12, 3, dtype=torch.bool)
    right[:, 4, 1] = True
    return Truth("one time step", model, x, y, F.cross_entropy, right, torch.arange(1000, 1100))


class Words(nn.Module):
    """Embeddings, one attention layer, the mean."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = nn.Embedding(20, 16, padding_idx=0)
        self.places = nn.Embedding(12, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0.0, batch_first=True)
        self.head = nn.Linear(16, 2)

    def forward(self, symbols: Tensor) -> Tensor:
        x = self.symbols(symbols) + self.places(torch.arange(symbols.shape[1]))
        found: Tensor = self.head(self.layer(x).mean(1))
        return found


def one_symbol(seed: int) -> Truth:
    """A text whose label hangs on the symbol at position 3: right is that position."""
    torch.manual_seed(seed)
    x = torch.randint(1, 20, (1200, 12))
    y = (x[:, 3] > 9).long()
    model = fitted(Words(), x[:1000], y[:1000], F.cross_entropy, 500, 5e-3)
    right = torch.zeros(len(x), 12, dtype=torch.bool)
    right[:, 3] = True
    return Truth("one symbol", model, x, y, F.cross_entropy, right, torch.arange(1000, 1100))


def shifted_column(seed: int, shift: float = 5.0) -> Truth:
    """Shuttle's normal rows, a hundred of them with one column shifted by five standard deviations: right is that column.

    Data: Statlog (Shuttle), https://doi.org/10.24432/C5WS31, as the package river ships it; only rows of the common class.
    """
    import numpy as np
    from river.datasets import Shuttle

    torch.manual_seed(seed)
    rows = []
    for place, (features, anomaly) in enumerate(Shuttle()):
        if place >= 6000:
            break
        if not anomaly:
            rows.append(list(features.values()))
    table = torch.tensor(np.array(rows), dtype=torch.float32)
    table = ((table - table.mean(0)) / table.std(0).clamp_min(1e-6)).clamp(-4, 4)
    model = nn.Sequential(nn.Linear(9, 16), nn.Tanh(), nn.Linear(16, 4), nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 9))
    fitted(model, table[:4000], table[:4000], F.mse_loss, 800, 3e-3)
    held = table[4000:4400].clone()
    columns = torch.randint(0, 9, (100,))
    signs = torch.randint(0, 2, (100,)) * 2 - 1
    held[torch.arange(100), columns] += shift * signs
    right = torch.zeros(len(held), 9, dtype=torch.bool)
    right[torch.arange(100), columns] = True
    return Truth("shifted column", model, held, held, F.mse_loss, right, torch.arange(100))


TRUTHS: tuple[Callable[[int], Truth], ...] = (linear, planted_mark, one_time_step, one_symbol, shifted_column)


def every(seed: int) -> Iterator[Truth]:
    """All of them."""
    return (make(seed) for make in TRUTHS)
