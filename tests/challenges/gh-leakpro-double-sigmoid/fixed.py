import argparse

import numpy as np
import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


class TabularNet(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_in, n_hidden), nn.ReLU(), nn.Dropout(0.1),
            nn.Linear(n_hidden, n_hidden // 2), nn.ReLU(),
            nn.Linear(n_hidden // 2, 1),
        )

    def forward(self, x):
        return self.layers(x)


def records(n, seed):
    rng = np.random.default_rng(seed)
    age = rng.uniform(18, 70, n)
    hours = rng.normal(40, 10, n)
    degree = rng.integers(0, 4, n)
    married = rng.integers(0, 2, n)
    score = 0.08 * (age - 40) - 0.004 * (age - 45) ** 2 + 0.09 * (hours - 40) + 1.2 * degree + 1.8 * married - 3.9
    label = rng.random(n) < 1 / (1 + np.exp(-1.5 * score))
    table = np.column_stack([age, hours, np.eye(4)[degree], married])
    return table.astype(np.float32), label.astype(np.float32)[:, None]


def run(args):
    torch.manual_seed(args.seed)
    x, y = records(4000, 10)
    xv, yv = records(1500, 11)
    mu, sd = x.mean(0), x.std(0)
    x, xv = torch.from_numpy((x - mu) / sd), torch.from_numpy((xv - mu) / sd)
    y, yv = torch.from_numpy(y), torch.from_numpy(yv)
    model = TabularNet(x.shape[1], 32)
    criterion = nn.BCEWithLogitsLoss()
    optimizer = optim.AdamW(model.parameters(), lr=args.lr)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    loader = DataLoader(TensorDataset(x, y), batch_size=50, shuffle=True)
    for epoch in range(1, args.epochs + 1):
        model.train()
        for xb, yb in loader:
            optimizer.zero_grad()
            output = model(xb)
            loss = criterion(output, yb)
            loss.backward()
            optimizer.step()
        scheduler.step()
        model.eval()
        with torch.no_grad():
            output = model(xv)
            val = criterion(output, yv).item()
            accuracy = ((output > 0) == (yv > 0.5)).float().mean().item()
        print(f"epoch {epoch} val loss {val:.4f} val accuracy {accuracy:.4f}")
    print(f"final: val loss {val:.4f}, val accuracy {accuracy:.4f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seed", type=int, default=4)
    run(parser.parse_args())
