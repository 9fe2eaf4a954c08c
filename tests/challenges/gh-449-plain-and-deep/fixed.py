import torch
import torch.nn as nn
import torch.nn.functional as F


class Config:
    seed = 6
    epochs = 26
    depth = 16
    width = 32
    batch = 100
    lr = 0.05


class Block(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = nn.Linear(width, width, bias=False)
        self.norm = nn.BatchNorm1d(width)

    def forward(self, x):
        return F.relu(self.norm(self.linear(x)))


class Network(nn.Module):
    def __init__(self, cfg):
        super().__init__()
        self.inp = nn.Linear(10, cfg.width)
        self.blocks = nn.Sequential(*[Block(cfg.width) for _ in range(cfg.depth)])
        self.out = nn.Linear(cfg.width, 4)

    def forward(self, x):
        return self.out(self.blocks(F.relu(self.inp(x))))


class Trainer:
    def __init__(self, cfg):
        torch.manual_seed(cfg.seed)
        self.cfg = cfg
        self.train_data, self.val_data = self.apples(4000), self.apples(1000)
        self.net = Network(cfg)
        self.opt = torch.optim.SGD(self.net.parameters(), lr=cfg.lr, momentum=0.9, weight_decay=5e-3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, cfg.epochs)

    @staticmethod
    def apples(n):
        x = torch.randn(n, 10)
        sweet = x[:, 0] + 0.8 * x[:, 1].abs() - 0.6
        firm = x[:, 3] - 0.6 * x[:, 4] ** 2 + 0.6
        y = 2 * (sweet > 0).long() + (firm > 0).long()
        swap = torch.rand(n) < 0.05
        return x, torch.where(swap, torch.randint(0, 4, (n,)), y)

    def train_epoch(self):
        x, y = self.train_data
        self.net.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.cfg.batch):
            self.opt.zero_grad()
            loss = F.cross_entropy(self.net(x[idx]), y[idx])
            loss.backward()
            self.opt.step()
            total += loss.item() * len(idx)
        self.sched.step()
        return total / len(x)

    @torch.no_grad()
    def validate(self):
        x, y = self.val_data
        self.net.eval()
        out = self.net(x)
        return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()

    def fit(self):
        for epoch in range(1, self.cfg.epochs + 1):
            train = self.train_epoch()
            val, acc = self.validate()
            print(f"epoch {epoch:2d} train loss {train:.4f} val loss {val:.4f} val acc {acc:.3f}")


if __name__ == "__main__":
    Trainer(Config()).fit()
