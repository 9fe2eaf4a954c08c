"""Conditional neural process: a few points of a curve in, mean and spread everywhere else out."""
import torch
import torch.nn as nn
from torch.distributions import Normal

torch.manual_seed(23)
POINTS = 24


def curves(n):
    x = torch.rand(n, POINTS, 1) * 4 - 2
    a, f, ph = torch.rand(n, 1, 1) + 0.5, 0.3 * torch.rand(n, 1, 1) + 1, torch.rand(n, 1, 1) * 6.28
    y = a * torch.sin(f * x + ph) + 0.4 * torch.randn(n, POINTS, 1)
    return x, y


class NeuralProcess(nn.Module):
    def __init__(self, r=48):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(2, r), nn.GELU(), nn.Linear(r, r), nn.GELU(), nn.Linear(r, r))
        self.dec = nn.Sequential(nn.Linear(r + 1, r), nn.GELU(), nn.Linear(r, r), nn.GELU(), nn.Linear(r, 2))

    def forward(self, cx, cy, tx):
        r = self.enc(torch.cat([cx, cy], -1)).mean(1, keepdim=True)
        mu, s = self.dec(torch.cat([r.expand(-1, tx.shape[1], -1), tx], -1)).chunk(2, -1)
        return Normal(mu, 0.05 + nn.functional.softplus(s))


class Run:
    def __init__(self, epochs=16, per_epoch=60):
        self.model = NeuralProcess()
        self.opt = torch.optim.Adam(self.model.parameters(), lr=3e-3)
        self.sched = torch.optim.lr_scheduler.OneCycleLR(self.opt, 5e-3, total_steps=epochs * per_epoch, pct_start=0.1)
        self.n_epochs, self.per_epoch = epochs, per_epoch
        self.val = curves(800)

    def loss(self, x, y, k):
        return -self.model(x[:, :k], y[:, :k], x[:, k:]).log_prob(y[:, k:]).mean()

    def go(self):
        for epoch in range(1, self.n_epochs + 1):
            total = 0.0
            for _ in range(self.per_epoch):
                x, y = curves(64)
                k = int(torch.randint(4, 13, (1,)))
                loss = self.loss(x, y, k)
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                self.sched.step()
                total += loss.item() / self.per_epoch
            with torch.no_grad():
                v = sum(self.loss(*self.val, k).item() for k in (4, 6, 8, 10, 12)) / 5
                x, y = self.val
                rmse = (self.model(x[:, :10], y[:, :10], x[:, 10:]).mean - y[:, 10:]).pow(2).mean().sqrt().item()
            print(f"epoch {epoch} train loss {total:.4f} val loss {v:.4f} rmse with ten points {rmse:.3f}")


Run().go()
