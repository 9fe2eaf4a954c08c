import argparse
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.utils.data as data

PIGMENTS, BANDS = 7, 60


def reflectance(n, seed):
    """Reflectance spectra of fresco pixels, each mostly of one pigment."""
    wave = np.linspace(0, 1, BANDS)
    ref = np.random.default_rng(100)
    pure = np.stack([sum(ref.uniform(0.2, 0.6) * np.exp(-((wave - ref.uniform()) / ref.uniform(0.06, 0.2)) ** 2) for _ in range(3))
                     for _ in range(PIGMENTS)])
    rng = np.random.default_rng(seed)
    label = rng.integers(0, PIGMENTS, n)
    share = rng.dirichlet(np.full(PIGMENTS, 0.6), n) * 0.6
    share[np.arange(n), label] += 0.4
    x = share @ pure * rng.uniform(0.8, 1.2, (n, 1)) + rng.normal(0, 0.07, (n, BANDS))
    return data.TensorDataset(torch.tensor((x - 0.45) * 4, dtype=torch.float32), torch.tensor(label))


class Baseline(nn.Module):
    def __init__(self, width=64, p=0.5):
        super().__init__()
        self.fc1 = nn.Linear(BANDS, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, PIGMENTS)
        self.dropout = nn.Dropout(p)

    def forward(self, x):
        x = self.dropout(F.relu(self.fc1(x)))
        x = self.dropout(F.relu(self.fc2(x)))
        return self.fc3(x)


def val(net, loader):
    net.eval()
    loss, right, total = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = net(x)
            loss += F.cross_entropy(out, y, reduction="sum").item()
            right += (out.argmax(1) == y).sum().item()
            total += len(y)
    net.train()
    return loss / total, right / total


def train(net, optimizer, train_loader, val_loader, args):
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    net.train()
    for e in range(1, args.epochs + 1):
        avg = 0.0
        for x, y in train_loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            avg += loss.item() / len(train_loader)
        scheduler.step()
        print("epoch %d train loss %.4f val loss %.4f val accuracy %.4f" % (e, avg, *val(net, val_loader)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--seed", type=int, default=6)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    net = Baseline()
    train(net, torch.optim.AdamW(net.parameters(), lr=2e-3), data.DataLoader(reflectance(2400, 1), 60, shuffle=True),
          data.DataLoader(reflectance(800, 2), 200), args)
