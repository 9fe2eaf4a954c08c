import argparse

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


def swings(n, steps, rng):
    """Angle and speed of a joint (noisy), and the torque of its motor at every step in newton metres."""
    torque = np.zeros((n, steps))
    level = rng.normal(0, 2, (n, 1))
    for t in range(steps):
        level = np.where(rng.random((n, 1)) < 0.15, rng.normal(0, 2.0, (n, 1)), level)
        torque[:, t] = level[:, 0]
    angle, speed = np.zeros(n), np.zeros(n)
    path = np.zeros((n, steps, 2))
    for t in range(steps):
        speed = speed + 0.1 * (torque[:, t] - 2.0 * np.sin(angle) - 0.8 * speed)
        angle = angle + 0.1 * speed
        path[:, t, 0], path[:, t, 1] = angle, speed
    path += rng.normal(0, 0.05, path.shape)
    path = path / path.std((0, 1))
    torque += rng.normal(0, 0.6, torque.shape)
    return torch.tensor(path, dtype=torch.float32), torch.tensor(torque, dtype=torch.float32)


class TorqueLSTM(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(2, hidden, batch_first=True, bidirectional=True)
        self.fc1 = nn.Linear(2 * hidden, 24)
        self.fc2 = nn.Linear(24, 1)

    def forward(self, path):
        h, _ = self.lstm(path)
        h = F.relu(self.fc1(h))
        return F.relu(self.fc2(h)).squeeze(-1)


def epoch_of(model, x, y, batch_size, optimizer=None):
    total, idx = 0.0, torch.randperm(len(x)) if optimizer else torch.arange(len(x))
    for b in idx.split(batch_size):
        loss = F.mse_loss(model(x[b]), y[b])
        if optimizer:
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        total += loss.item() * len(b)
    return total / len(x)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--lr", type=float, default=8e-3)
    parser.add_argument("--seed", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    x, y = swings(1000, 24, rng)
    x_train, y_train, x_val, y_val = x[:800], y[:800], x[800:], y[800:]
    model = TorqueLSTM()
    optimizer = torch.optim.NAdam(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    for epoch in range(1, args.epochs + 1):
        train_loss = epoch_of(model, x_train, y_train, 32, optimizer)
        scheduler.step()
        with torch.no_grad():
            val_loss = epoch_of(model, x_val, y_val, 200)
            r2 = 1 - val_loss / y_val.var().item()
        print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} r2 {r2:.3f}")


if __name__ == "__main__":
    main()
