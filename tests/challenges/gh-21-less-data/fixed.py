import argparse
import math

import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

CLASSES = 6


def movements(n, g):
    """three axes over 25 steps; each movement has a frequency, a phase between the axes and a drift"""
    label = torch.randint(0, CLASSES, (n,), generator=g)
    t = torch.arange(25.0)[None] * 0.2
    speed = 1.0 + 0.35 * (label % 3)[:, None] + 0.12 * torch.randn(n, 1, generator=g)
    lag = torch.where(label < 3, 0.4, 1.6)[:, None]
    phase = 2 * math.pi * torch.rand(n, 1, generator=g)
    axes = [torch.sin(speed * 2 * t + phase), torch.sin(speed * 2 * t + phase + lag), torch.cos(speed * t + phase)]
    return TensorDataset(torch.stack(axes, 2) + 0.5 * torch.randn(n, 25, 3, generator=g), label)


class MovementLSTM(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(3, hidden, batch_first=True)
        self.classify = nn.Linear(hidden, CLASSES)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.classify(out.mean(1))


def train_epoch(model, loader, optimizer):
    model.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        total += loss.item() * len(x)
    return total / len(loader.dataset)


@torch.no_grad()
def test(model, data):
    model.eval()
    x, y = data.tensors
    out = model(x)
    return nn.functional.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--samples", type=int, default=2400)
    p.add_argument("--epochs", type=int, default=14)
    p.add_argument("--seed", type=int, default=4)
    a = p.parse_args()
    torch.manual_seed(a.seed)
    g = torch.Generator().manual_seed(4)
    recorded, val = movements(2400, g), movements(600, g)
    train = Subset(recorded, range(a.samples))
    model = MovementLSTM()
    optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, a.epochs)
    loader = DataLoader(train, batch_size=min(40, a.samples), shuffle=True)
    for epoch in range(a.epochs):
        loss = train_epoch(model, loader, optimizer)
        scheduler.step()
        val_loss, acc = test(model, val)
        print(f"epoch {epoch + 1} train loss {loss:.4f} val loss {val_loss:.4f} acc {acc:.3f}")
    print(f"final: train loss {loss:.4f}, val loss {val_loss:.4f}, accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
