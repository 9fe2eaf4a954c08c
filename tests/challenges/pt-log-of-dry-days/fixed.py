import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

SEED = 12


def make_days(n, rng):
    """Five standardised readings of the evening before and the rain of the day, zero on most days."""
    x = rng.standard_normal((n, 5))
    moist = 1.2 * x[:, 0] - 0.8 * x[:, 1] + 0.7 * x[:, 0] * x[:, 2] - 0.4
    wet = rng.random(n) < 1 / (1 + np.exp(-1.5 * moist))
    amount = np.exp(0.8 + 0.5 * np.tanh(x[:, 3]) + 0.4 * x[:, 0] + 0.45 * rng.standard_normal(n))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(np.where(wet, amount, 0.0), dtype=torch.float32)


class RainNet(nn.Module):
    def __init__(self, inputs, hidden=40):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.chance = nn.Linear(hidden, 1)
        self.amount = nn.Linear(hidden, 2)

    def forward(self, x):
        h = self.body(x)
        mean, log_std = self.amount(h).unbind(1)
        return self.chance(h).squeeze(1), mean, log_std.clamp(-4, 4)


def rain_loss(chance, mean, log_std, rain):
    """Bernoulli for rain or no rain, log-normal for how much."""
    wet = rain > 0
    log_rain = torch.log(torch.where(wet, rain, torch.ones_like(rain)))
    dry_day = F.softplus(chance)
    wet_day = F.softplus(-chance) + log_std + 0.5 * ((log_rain - mean) / log_std.exp()) ** 2
    return torch.where(wet, wet_day, dry_day).mean()


def main():
    torch.manual_seed(SEED)
    rng = np.random.default_rng(SEED)
    x, y = make_days(8000, rng)
    xv, yv = make_days(2000, rng)
    net = RainNet(5)
    epochs = 12
    batch = 64
    opt = torch.optim.Adam(net.parameters(), lr=3e-3)
    decay = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(1, epochs + 1):
        total = 0.0
        for rows in torch.randperm(len(x)).split(batch):
            loss = rain_loss(*net(x[rows]), y[rows])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(rows)
        decay.step()
        with torch.no_grad():
            chance, mean, log_std = net(xv)
            val = rain_loss(chance, mean, log_std, yv).item()
            hits = ((chance > 0) == (yv > 0)).float().mean().item()
        print(f"epoch {epoch} train loss {total / len(x):.4f} val loss {val:.4f} rain or not {hits:.3f}")
    print(f"final: val loss {val:.4f}, rain or not right on {hits:.3f} of the days")


if __name__ == "__main__":
    main()
