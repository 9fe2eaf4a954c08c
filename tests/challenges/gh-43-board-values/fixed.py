"""Value network for a small board game: a residual tower of convolutions rates the position between -1 and 1."""
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(6)
EPOCHS = 12
FILTERS, BLOCKS = 16, 3


def positions(n):
    pieces = torch.randint(0, 3, (n, 6, 6))
    own, other = (pieces == 1).float(), (pieces == 2).float()
    def strength(p):
        pairs = (p[:, :, 1:] * p[:, :, :-1]).sum((1, 2)) + (p[:, 1:] * p[:, :-1]).sum((1, 2))
        return pairs + 0.5 * p[:, 2:4, 2:4].sum((1, 2))
    value = torch.tanh((strength(own) - strength(other)) / 5)
    won = torch.rand(n) < (1 + value) / 2
    result = 0.3 * value + 0.7 * (2.0 * won.float() - 1)
    return torch.stack([own, other, torch.ones_like(own)], 1), result


def xavier_std(weight):
    if weight.dim() == 4:
        receptive = weight.shape[2] * weight.shape[3]
        return math.sqrt(2.0 / (receptive * (weight.shape[0] + weight.shape[1])))
    return math.sqrt(2.0 / sum(weight.shape))


class Residual(nn.Module):
    def __init__(self, filters):
        super().__init__()
        self.conv1 = nn.Conv2d(filters, filters, 3, padding=1)
        self.conv2 = nn.Conv2d(filters, filters, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.conv2(torch.relu(self.conv1(x))))


class ValueNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.tower = nn.Sequential(nn.Conv2d(3, FILTERS, 3, padding=1), nn.ReLU(),
                                   *[Residual(FILTERS) for _ in range(BLOCKS)])
        self.value = nn.Sequential(nn.Conv2d(FILTERS, 4, 1), nn.ReLU(), nn.Flatten(),
                                   nn.Linear(4 * 36, 32), nn.ReLU(), nn.Linear(32, 1), nn.Tanh())
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(m.weight, 0.0, xavier_std(m.weight))
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.value(self.tower(x)).squeeze(1)


train_set = TensorDataset(*positions(4000))
test_set = TensorDataset(*positions(1000))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True)
test_loader = DataLoader(test_set, batch_size=500)

net = ValueNet()
optimizer = torch.optim.SGD(net.parameters(), lr=0.006, momentum=0.9, weight_decay=1e-4)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
criterion = nn.MSELoss()

for epoch in range(1, EPOCHS + 1):
    total = 0.0
    for planes, result in train_loader:
        optimizer.zero_grad()
        loss = criterion(net(planes), result)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(planes)
    schedule.step()
    with torch.no_grad():
        val = sign = 0.0
        for planes, result in test_loader:
            out = net(planes)
            val += criterion(out, result).item() * len(planes)
            sign += ((out > 0) == (result > 0)).sum().item()
    print(f"epoch {epoch} train loss {total / len(train_set):.4f} val loss {val / len(test_set):.4f} winner {sign / len(test_set):.3f}")
