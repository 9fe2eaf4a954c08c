"""Radar pictures of showers: rain, hail, or a squall line."""
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class Showers(Dataset):
    def __init__(self, n, seed, augment):
        g = torch.Generator().manual_seed(seed)
        grid = torch.linspace(-1, 1, 20)
        yy, xx = grid[:, None], grid[None]
        self.labels = torch.randint(0, 3, (n,), generator=g)
        self.augment = augment
        self.images = torch.zeros(n, 1, 20, 20)
        for i, kind in enumerate(self.labels.tolist()):
            cx, cy, tilt, size = (torch.rand(4, generator=g) - 0.5).tolist()
            dx, dy = xx - cx, yy - cy
            along = dx * torch.cos(torch.tensor(3 * tilt)) + dy * torch.sin(torch.tensor(3 * tilt))
            across = dy * torch.cos(torch.tensor(3 * tilt)) - dx * torch.sin(torch.tensor(3 * tilt))
            if kind == 2:
                field = torch.exp(-across ** 2 / 0.03 - along ** 2 / 0.8)
            else:
                field = torch.exp(-(dx ** 2 + dy ** 2) / (0.25 + 0.15 * size))
                if kind == 1:
                    field = field + 1.2 * torch.exp(-(dx ** 2 + dy ** 2) / 0.02)
            self.images[i, 0] = field + 0.35 * torch.randn(20, 20, generator=g)
        self.images = (self.images - 0.2) / 0.45

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        image = self.images[i]
        if self.augment:
            if torch.rand(()) < 0.5:
                image = image.flip(2)
            if torch.rand(()) < 0.5:
                image = image.flip(1)
        return image, self.labels[i]


class SmallCNN(nn.Module):
    def __init__(self, dropout=0.2):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(24)
        self.drop = nn.Dropout(dropout)
        self.fc = nn.Linear(24 * 25, 3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        return self.fc(self.drop(x.flatten(1)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train_loader = DataLoader(Showers(1800, 2 * args.seed, True), batch_size=48, shuffle=True)
    val_loader = DataLoader(Showers(600, 2 * args.seed + 1, False), batch_size=200)
    model = SmallCNN()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    for epoch in range(1, args.epochs + 1):
        model.train()
        train_loss = 0.0
        for images, labels in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(images), labels)
            loss.backward()
            optimizer.step()
            train_loss += loss.item() * len(labels) / 1800
        scheduler.step()
        model.eval()
        val_loss = right = 0
        with torch.no_grad():
            for images, labels in val_loader:
                out = model(images)
                val_loss += criterion(out, labels).item() * len(labels) / 600
                right += (out.argmax(1) == labels).sum().item()
        print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} accuracy {right / 600:.3f}")


if __name__ == "__main__":
    main()
