import argparse

import numpy as np
import torch
import torch.nn as nn


def make_blades(n, rng):
    """vibration of a blade over 64 samples and its depth of wear"""
    t = np.arange(64)
    wear = rng.gamma(2.0, 1.0, n)
    speed = rng.uniform(0.08, 0.16, n)
    phase = rng.uniform(0, 2 * np.pi, (n, 2))
    base = np.sin(2 * np.pi * speed[:, None] * t + phase[:, :1])
    sideband = 0.35 * wear[:, None] * np.sin(2 * np.pi * 2.5 * speed[:, None] * t + phase[:, 1:])
    noise = rng.normal(0, 0.3, (n, 64))
    return (base + sideband + noise).astype("float32"), wear.astype("float32")


class WearNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 7, padding=3), nn.GELU(), nn.MaxPool1d(2),
            nn.Conv1d(16, 24, 5, padding=2), nn.GELU(), nn.AdaptiveAvgPool1d(8), nn.Flatten(),
        )
        self.regressor = nn.Sequential(nn.Linear(24 * 8, 32), nn.GELU(), nn.Linear(32, 1))

    def forward(self, x):
        return self.regressor(self.features(x)).squeeze(1)


def run(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    signals, wear = make_blades(2000, rng)
    wear = (wear - wear[:1500].mean()) / wear[:1500].std()
    x = torch.from_numpy(signals).unsqueeze(1)
    y = torch.from_numpy(wear)
    net = WearNet()
    opt = torch.optim.NAdam(net.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs)
    mse = nn.MSELoss()
    for epoch in range(args.epochs):
        net.train()
        running = 0.0
        for idx in torch.randperm(1500).split(args.batch_size):
            loss = mse(net(x[idx]), y[idx])
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            running += loss.item() * len(idx)
        sched.step()
        net.eval()
        with torch.no_grad():
            val = mse(net(x[1500:]), y[1500:]).item()
        print(f"epoch {epoch + 1} | train loss {running / 1500:.4f} | val loss {val:.4f}")
    print(f"final: val loss {val:.4f}, variance of the wear {y[1500:].var().item():.4f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=16)
    p.add_argument("--batch-size", type=int, default=30)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--seed", type=int, default=4)
    run(p.parse_args())
