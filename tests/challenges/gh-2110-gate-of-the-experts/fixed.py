import math

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 25


class Expert(nn.Sequential):
    def __init__(self, d_in, d_hidden):
        super().__init__(nn.Linear(d_in, d_hidden), nn.GELU(), nn.Linear(d_hidden, 1))


class MixtureOfExperts(nn.Module):
    def __init__(self, d_in=6, n_experts=5, d_hidden=16):
        super().__init__()
        self.gate = nn.Linear(d_in, n_experts)
        self.experts = nn.ModuleList(Expert(d_in, d_hidden) for _ in range(n_experts))

    def forward(self, x):
        weights = torch.softmax(self.gate(x), dim=-1)
        outputs = torch.cat([e(x) for e in self.experts], dim=1)
        return (weights * outputs).sum(dim=1)


def heat_demand(n):
    """flow, return, outside temperature, wind, hour, weekend of a district heating station"""
    x = torch.randn(n, 6)
    winter = torch.sigmoid(-6 * x[:, 2])
    y = winter * (1.5 - 0.8 * x[:, 2] + 0.5 * x[:, 3]) + (1 - winter) * (0.3 * torch.sin(2 * x[:, 4]) - 0.4 * x[:, 5])
    y = y + 0.4 * torch.tanh(x[:, 0] - x[:, 1]) + 0.3 * torch.randn(n)
    return x, y


def main():
    torch.manual_seed(2)
    x, y = heat_demand(3000)
    mean, std = y.mean(), y.std()
    train = DataLoader(TensorDataset(x, (y - mean) / std), batch_size=50, shuffle=True, drop_last=True)
    xv, yv = heat_demand(800)
    yv = (yv - mean) / std

    net = MixtureOfExperts()
    opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.02)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-2, total_steps=EPOCHS * len(train))
    mse = nn.MSELoss()
    for epoch in range(1, EPOCHS + 1):
        net.train()
        acc = 0.0
        for xb, yb in train:
            opt.zero_grad()
            loss = mse(net(xb), yb)
            loss.backward()
            opt.step()
            sched.step()
            acc += loss.item()
        net.eval()
        with torch.no_grad():
            v = mse(net(xv), yv).item()
        print(f"epoch {epoch} | train loss {acc / len(train):.4f} | val loss {v:.4f} | val rmse {math.sqrt(v) * std.item():.3f}")


if __name__ == "__main__":
    main()
