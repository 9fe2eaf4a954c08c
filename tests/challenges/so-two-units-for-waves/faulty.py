import argparse
import math
import torch
import torch.nn.functional as F


class Surface(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.inp = torch.nn.Linear(2, width)
        self.mid = torch.nn.Linear(width, width)
        self.out = torch.nn.Linear(width, 1)

    def forward(self, xy):
        h = torch.tanh(self.inp(xy))
        h = torch.tanh(self.mid(h))
        return self.out(h).squeeze(1)


def measure(n):
    xy = (torch.rand(n, 2) * 2 - 1) * math.sqrt(3)
    z = torch.sin(1.8 * xy[:, 0]) * torch.cos(1.5 * xy[:, 1]) + 0.3 * xy[:, 0] * xy[:, 1]
    return xy, z + 0.3 * torch.randn(n)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=35)
    parser.add_argument("--width", type=int, default=2)
    parser.add_argument("--decay", type=float, default=0.05)
    args = parser.parse_args()
    torch.manual_seed(21)
    xy, z = measure(3000)
    vxy, vz = measure(1000)
    net = Surface(args.width)
    opt = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=args.decay)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs, eta_min=1e-5)
    for epoch in range(args.epochs):
        net.train()
        perm = torch.randperm(len(xy))
        seen = 0.0
        for chunk in perm.split(64):
            loss = F.mse_loss(net(xy[chunk]), z[chunk])
            opt.zero_grad()
            loss.backward()
            opt.step()
            seen += loss.item() * len(chunk)
        sched.step()
        net.eval()
        with torch.no_grad():
            val = F.mse_loss(net(vxy), vz).item()
        print(f"epoch {epoch} train loss {seen / len(xy):.4f} val loss {val:.4f}")
    print(f"final: val mse {val:.4f} (variance of the targets {vz.var().item():.3f})")


if __name__ == "__main__":
    main()
