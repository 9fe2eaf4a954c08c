import argparse
import numpy as np
import torch
from torch import nn


def descriptors(n, rng):
    """Twelve fractions in (0, 1) and four whole-number counts."""
    fractions = rng.beta(2, 2, size=(n, 12))
    counts = rng.poisson(4, size=(n, 4))
    table = np.concatenate([fractions, counts], 1)
    solubility = 3 * (fractions[:, 0] - fractions[:, 3]) + 2.5 * np.sin(5 * fractions[:, 7]) + 0.15 * counts[:, 1] + rng.normal(0, 0.6, n)
    return table, (solubility - 2.0) / 1.5


class Store:
    def __init__(self, table):
        self.table = table.astype(np.int16)

    def matrix(self, mean=None, std=None):
        m = self.table.astype(np.float32)
        mean = m.mean(0) if mean is None else mean
        std = m.std(0) + 1e-6 if std is None else std
        return torch.tensor((m - mean) / std), mean, std


def main(args):
    rng = np.random.default_rng(args.seed)
    torch.manual_seed(args.seed)
    table, y = descriptors(3000, rng)
    vtable, vy = descriptors(1000, rng)
    x, mean, std = Store(table).matrix()
    xv, _, _ = Store(vtable).matrix(mean, std)
    y, vy = torch.tensor(y, dtype=torch.float32), torch.tensor(vy, dtype=torch.float32)
    net = nn.Sequential(nn.Linear(16, 40), nn.SiLU(), nn.Linear(40, 20), nn.SiLU(), nn.Linear(20, 1))
    opt = torch.optim.AdamW(net.parameters(), lr=args.lr, weight_decay=0.05)
    sched = torch.optim.lr_scheduler.PolynomialLR(opt, args.epochs, power=1.5)
    loss_fn = nn.SmoothL1Loss()
    for epoch in range(args.epochs):
        net.train()
        tl = 0.0
        for b in torch.randperm(len(x)).split(args.batch):
            loss = loss_fn(net(x[b]).squeeze(1), y[b])
            opt.zero_grad(set_to_none=True)
            loss.backward()
            opt.step()
            tl += loss.item() * len(b) / len(x)
        sched.step()
        net.eval()
        with torch.no_grad():
            p = net(xv).squeeze(1)
        print(f"epoch {epoch + 1} train loss {tl:.4f} val loss {loss_fn(p, vy).item():.4f}")
    r2 = 1 - ((p - vy) ** 2).mean() / vy.var()
    print(f"final: val R2 {r2.item():.3f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=16)
    p.add_argument("--batch", type=int, default=60)
    p.add_argument("--lr", type=float, default=3e-3)
    p.add_argument("--seed", type=int, default=19)
    main(p.parse_args())
