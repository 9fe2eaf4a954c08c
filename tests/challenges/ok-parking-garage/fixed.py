"""How full is the garage? Weekday, hour and street as embeddings, weather as numbers."""
import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=15)
    p.add_argument("--seed", type=int, default=17)
    p.add_argument("--batch-size", type=int, default=64)
    p.add_argument("--lr", type=float, default=4e-3)
    return p.parse_args()


def load(n, rng):
    day, hour, garage = rng.integers(0, 7, n), rng.integers(0, 24, n), rng.integers(0, 9, n)
    rain, temp = rng.gamma(0.5, 2.0, n), rng.normal(12, 8, n)
    office = garage < 5
    weekend = day >= 5
    level = np.where(office & ~weekend, 70 * np.exp(-((hour - 12) / 5.0) ** 2), 20.0)
    level += np.where(~office, 45 * np.exp(-((hour - 20) / 3.0) ** 2) * (1 + 0.4 * weekend), 0)
    level += 3 * (garage - 4) + 2 * np.minimum(rain, 4) - 0.3 * (temp - 12) + rng.normal(0, 6, n)
    cats = torch.tensor(np.stack([day, hour, garage], 1))
    nums = torch.tensor(np.stack([np.log1p(rain), temp / 10], 1), dtype=torch.float32)
    return cats, nums, torch.tensor(level / 25 - 1.2, dtype=torch.float32)


class OccupancyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.tables = nn.ModuleList([nn.Embedding(n, d) for n, d in ((7, 3), (24, 6), (9, 4))])
        self.norm = nn.BatchNorm1d(2)
        self.hidden = nn.Linear(15, 48)
        self.hidden2 = nn.Linear(48, 24)
        self.out = nn.Linear(24, 1)

    def forward(self, cats, nums):
        parts = [table(cats[:, i]) for i, table in enumerate(self.tables)]
        h = torch.cat(parts + [self.norm(nums)], dim=1)
        h = F.gelu(self.hidden2(F.gelu(self.hidden(h))))
        return self.out(h).squeeze(-1)


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, val = load(4000, rng), load(1500, rng)
    model = OccupancyNet()
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.02)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.8)
    for epoch in range(1, args.epochs + 1):
        model.train()
        losses = []
        for idx in torch.randperm(4000).split(args.batch_size):
            cats, nums, y = (t[idx] for t in train)
            optimizer.zero_grad()
            loss = F.smooth_l1_loss(model(cats, nums), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        model.eval()
        with torch.no_grad():
            pred = model(*val[:2])
            val_loss = F.smooth_l1_loss(pred, val[2]).item()
            off = 25 * (pred - val[2]).abs().mean().item()
        print(f"epoch {epoch} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} off by {off:.2f} cars")


if __name__ == "__main__":
    main()
