import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


def draw(n, g):
    """1-D profiles of 48 points with one of five marks at some place"""
    t = torch.arange(48.0)
    label = torch.randint(0, 5, (n,), generator=g)
    at = 12 + 24 * torch.rand(n, 1, generator=g)
    d = (t - at) / 4
    marks = torch.stack([torch.exp(-d ** 2), d * torch.exp(-d ** 2) * 2, (1 - d ** 2) * torch.exp(-d ** 2 / 2),
                         torch.cos(3 * d) * torch.exp(-d ** 2 / 3), torch.tanh(d) * torch.exp(-d.abs() / 3)], 1)
    profile = 1.3 * marks[torch.arange(n), label] + 0.62 * torch.randn(n, 48, generator=g)
    return profile, label


class Profiles(Dataset):
    def __init__(self, profiles, labels, augment):
        self.profiles, self.labels, self.augment = profiles, labels, augment

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        profile = self.profiles[i]
        if self.augment:
            profile = profile.roll(int(torch.randint(-6, 7, (1,)))) * (0.6 + 0.8 * torch.rand(1))
            profile = profile + 0.2 * torch.randn(48)
            for _ in range(2):
                start = int(torch.randint(0, 40, (1,)))
                profile[start:start + 8] = 0.0
        return profile.unsqueeze(0), self.labels[i]


def make_net():
    return nn.Sequential(
        nn.Conv1d(1, 16, 7, padding=3), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
        nn.Conv1d(16, 32, 5, padding=2), nn.BatchNorm1d(32), nn.ReLU(), nn.MaxPool1d(2), nn.Dropout(0.3),
        nn.Conv1d(32, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Dropout(0.3), nn.Linear(32, 5),
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="profiles with strips cut out of them")
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--seed", type=int, default=9)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    g = torch.Generator().manual_seed(9)
    train = Profiles(*draw(600, g), augment=True)
    val_x, val_y = draw(500, g)
    net = make_net()
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.08, momentum=0.9, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    for epoch in range(args.epochs):
        net.train()
        total = 0.0
        for x, y in DataLoader(train, batch_size=40, shuffle=True):
            loss = criterion(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(y) / len(train)
        scheduler.step()
        net.eval()
        with torch.no_grad():
            out = net(val_x.unsqueeze(1))
            val_loss = nn.functional.cross_entropy(out, val_y).item()
            accuracy = (out.argmax(1) == val_y).float().mean().item()
        print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f}")
    print(f"final: train loss {total:.3f} (cut and noisy), val loss {val_loss:.3f}, accuracy {accuracy:.3f}")
