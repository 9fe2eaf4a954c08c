"""A hyper-network writes the weights of a small network that maps where a ray enters a lens to where it leaves.

The lens is described by three numbers; the small network has no parameters of its own.
"""
import argparse

import torch
import torch.nn as nn


def rays(n, per_lens=32):
    lens = torch.rand(n, 3) * 2 - 1
    entry = torch.rand(n, per_lens, 2) * 2 - 1
    pos, angle = entry[..., 0], 0.5 * entry[..., 1]
    focus = 1.2 + 0.5 * lens[:, :1]
    exit_ = pos + (1 + 0.4 * lens[:, 1:2]) * (angle - pos / focus - 0.5 * lens[:, 2:] * pos ** 3)
    return lens, entry, exit_ + 0.15 * torch.randn_like(exit_)


class HyperNet(nn.Module):
    def __init__(self, hidden=16):
        super().__init__()
        self.h = hidden
        self.sizes = [2 * hidden, hidden, hidden, 1]
        self.trunk = nn.Sequential(nn.Linear(3, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU())
        self.writer = nn.Linear(32, sum(self.sizes))
        nn.init.normal_(self.writer.weight, std=0.02)
        with torch.no_grad():
            self.writer.bias.copy_(torch.cat([torch.randn(2 * hidden), torch.zeros(hidden), torch.randn(hidden) / hidden ** 0.5, torch.zeros(1)]))

    def forward(self, lens, entry):
        w1, b1, w2, b2 = self.writer(self.trunk(lens)).split(self.sizes, dim=1)
        h = torch.tanh(torch.bmm(entry, w1.view(-1, 2, self.h)) + b1.unsqueeze(1))
        return torch.bmm(h, w2.view(-1, self.h, 1)).squeeze(-1) + b2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--lr", type=float, default=4e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train, val = rays(2000), rays(400)
    net = HyperNet()
    opt = torch.optim.Adam(net.parameters(), lr=args.lr)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, args.lr * 2, epochs=args.epochs, steps_per_epoch=50, pct_start=0.15)
    for epoch in range(1, args.epochs + 1):
        total = 0.0
        for idx in torch.randperm(2000).split(40):
            lens, entry, out = (t[idx] for t in train)
            loss = ((net(lens, entry) - out) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            total += loss.item() / 50
        with torch.no_grad():
            v = ((net(val[0], val[1]) - val[2]) ** 2).mean().item()
        print(f"epoch {epoch} train loss {total:.5f} val loss {v:.5f} unexplained {v / val[2].var().item():.4f}")


main()
