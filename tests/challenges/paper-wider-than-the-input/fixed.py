import argparse
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.metrics import roc_auc_score

SENSORS, STATES = 24, 4


class Machine:
    def __init__(self):
        self.mix = torch.randn(STATES, SENSORS) / STATES ** 0.5
        self.bend = torch.randn(STATES, SENSORS) / STATES ** 0.5

    def normal(self, n):
        s = torch.randn(n, STATES)
        return self.scale(s @ self.mix + 0.5 * torch.tanh(s @ self.bend) + 0.25 * torch.randn(n, SENSORS))

    def broken(self, n):
        x = self.normal(n)
        faulty = torch.rand(n, SENSORS).argsort(1) < 2
        return torch.where(faulty, torch.randn(n, SENSORS), x)

    def scale(self, x):
        return x / 1.15


def build(code):
    return nn.ModuleDict({"enc": nn.Sequential(nn.Linear(SENSORS, 96), nn.LeakyReLU(0.2), nn.Linear(96, code)),
                          "dec": nn.Sequential(nn.Linear(code, 96), nn.LeakyReLU(0.2), nn.Linear(96, SENSORS))})


def reconstruct(net, x):
    return net["dec"](net["enc"](x))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--code", type=int, default=4)
    parser.add_argument("--epochs", type=int, default=20)
    cfg = parser.parse_args()
    torch.manual_seed(45)
    machine = Machine()
    loader = DataLoader(TensorDataset(machine.normal(3000)), batch_size=50, shuffle=True)
    val, odd = machine.normal(800), machine.broken(800)
    net = build(cfg.code)
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-4)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg.epochs)
    for epoch in range(1, cfg.epochs + 1):
        net.train()
        total = 0.0
        for (x,) in loader:
            loss = ((reconstruct(net, x) - x) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() / len(loader)
        sched.step()
        net.eval()
        with torch.no_grad():
            good = ((reconstruct(net, val) - val) ** 2).mean(1)
            bad = ((reconstruct(net, odd) - odd) ** 2).mean(1)
        auc = roc_auc_score([0] * len(good) + [1] * len(bad), torch.cat([good, bad]).numpy())
        print(f"epoch {epoch} train loss {total:.4f} val loss {good.mean():.4f} anomaly auc {auc:.3f}")
    print(f"final: anomaly AUC {auc:.3f}, val loss {good.mean():.4f}")
