import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


def make_tiles(n, gen):
    """16 x 16 grey tiles: whole, cracked, chipped at a corner, or stained. Some noise, some wrong labels."""
    kind = torch.randint(0, 4, (n,), generator=gen)
    tiles = 0.25 * torch.randn(n, 1, 16, 16, generator=gen)
    yy, xx = torch.meshgrid(torch.arange(16.), torch.arange(16.), indexing="ij")
    r = torch.rand(n, 4, generator=gen)
    for i in range(n):
        if kind[i] == 1:
            a = r[i, 0] * 3.1416
            d = (xx - 4 - 8 * r[i, 1]) * torch.sin(a) - (yy - 4 - 8 * r[i, 2]) * torch.cos(a)
            tiles[i, 0] -= 0.8 * torch.exp(-d ** 2 / 0.6)
        elif kind[i] == 2:
            cx, cy = 15. * (r[i, 0] > 0.5), 15. * (r[i, 1] > 0.5)
            tiles[i, 0] -= 0.8 * ((xx - cx).abs() + (yy - cy).abs() < 4 + 3 * r[i, 2])
        elif kind[i] == 3:
            d = (xx - 4 - 8 * r[i, 0]) ** 2 + (yy - 4 - 8 * r[i, 1]) ** 2
            tiles[i, 0] -= 0.7 * torch.exp(-d / (6 + 8 * r[i, 2]))
    wrong = torch.rand(n, generator=gen) < 0.05
    kind[wrong] = torch.randint(0, 4, (int(wrong.sum()),), generator=gen)
    return tiles, kind


class TileNet(nn.Module):
    def __init__(self, width=8):
        super().__init__()
        blocks = []
        for a, b in [(1, width), (width, 2 * width), (2 * width, 2 * width)]:
            blocks.append(nn.Sequential(nn.Conv2d(a, b, 3, padding=1, bias=False), nn.BatchNorm2d(b), nn.ReLU(), nn.MaxPool2d(2)))
        self.blocks = nn.ModuleList(blocks)
        self.dropout = nn.Dropout(0.3)
        self.fc = nn.Linear(2 * width * 4, 4)

    def forward(self, x):
        for block in self.blocks:
            x = block(x)
        return self.fc(self.dropout(x.flatten(1)))


class Trainer:
    def __init__(self, model, args):
        self.model, self.args = model, args
        self.opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=5e-4)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, args.epochs)
        self.history = []

    def train_epoch(self, x, y):
        self.model.train()
        total, hits = 0.0, 0
        for idx in torch.randperm(len(x)).split(self.args.batch):
            logits = self.model(x[idx])
            loss = F.cross_entropy(logits, y[idx])
            self.opt.zero_grad(set_to_none=True)
            loss.backward()
            self.opt.step()
            total += loss.item() * len(idx)
            hits += (logits.argmax(1) == y[idx]).sum().item()
        self.sched.step()
        return total / len(x), hits / len(x)

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        logits = self.model(x)
        return F.cross_entropy(logits, y).item(), (logits.argmax(1) == y).float().mean().item()

    def fit(self, train, val):
        for epoch in range(1, self.args.epochs + 1):
            tl, ta = self.train_epoch(*train)
            vl, va = self.evaluate(*val)
            self.history.append((tl, vl))
            print(f"epoch {epoch} train loss {tl:.4f} acc {ta:.3f} val loss {vl:.4f} acc {va:.3f}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=7)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--lr", type=float, default=0.02)
    p.add_argument("--seed", type=int, default=1)
    args = p.parse_args()
    torch.manual_seed(args.seed)
    g = torch.Generator().manual_seed(args.seed + 100)
    train, val = make_tiles(4000, g), make_tiles(1000, g)
    trainer = Trainer(TileNet(), args)
    trainer.fit(train, val)
