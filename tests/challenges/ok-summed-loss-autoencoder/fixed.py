import argparse

import torch
import torch.nn as nn


class AE(nn.Module):
    def __init__(self, n=30, code=4):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(n, 64), nn.SiLU(), nn.Linear(64, code))
        self.dec = nn.Sequential(nn.Linear(code, 64), nn.SiLU(), nn.Linear(64, n))

    def forward(self, x):
        return self.dec(self.enc(x))


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=20)
    p.add_argument("--batch", type=int, default=50)
    a = p.parse_args()
    torch.manual_seed(37)
    mix = torch.randn(4, 30)
    make = lambda n: torch.sin(torch.randn(n, 4) @ mix * 0.7) + 0.4 * torch.randn(n, 30)
    x, v = make(4000), make(1000)
    m, s = x.mean(0), x.std(0)
    x, v = (x - m) / s, (v - m) / s
    net = AE()
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, a.epochs)
    criterion = nn.MSELoss(reduction="sum")
    for epoch in range(a.epochs):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(x)).split(a.batch):
            loss = criterion(net(x[idx]), x[idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item()
        sched.step()
        net.eval()
        with torch.no_grad():
            val = criterion(net(v), v).item() / len(v)
        print(f"epoch {epoch + 1} loss {total / len(x):.4f} val loss {val:.4f}")
    print(f"final: val loss {val:.4f} (summed over the columns)")


main()
