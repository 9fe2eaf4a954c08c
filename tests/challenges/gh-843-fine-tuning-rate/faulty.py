import argparse

import torch
from torch import nn, optim
from torch.utils.data import DataLoader, TensorDataset


def scenes(n, size=24):
    """one bright rectangle on a cluttered ground; the target is its box (centre, height, width) in parts of the picture"""
    centre = 0.25 + 0.5 * torch.rand(n, 2)
    extent = 0.15 + 0.3 * torch.rand(n, 2)
    axis = (torch.arange(size) + 0.5) / size
    rows = (axis - centre[:, :1]).abs() < extent[:, :1] / 2
    cols = (axis - centre[:, 1:]).abs() < extent[:, 1:] / 2
    image = 0.7 * torch.randn(n, size, size)
    image += 1.5 * (rows[:, :, None] & cols[:, None, :])
    box = torch.cat([centre, extent], 1) + 0.03 * torch.randn(n, 4)
    return image[:, None], (box - 0.4) / 0.2


def build():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(24 * 6 * 6, 64), nn.LeakyReLU(0.1), nn.Linear(64, 4),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=1e-5)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=19)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    train = DataLoader(TensorDataset(*scenes(1500)), batch_size=32, shuffle=True)
    val_images, val_boxes = scenes(400)
    detector = build()
    optimizer = optim.Adam(detector.parameters(), lr=args.lr)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    criterion = nn.SmoothL1Loss()
    for epoch in range(args.epochs):
        detector.train()
        total = 0.0
        for images, boxes in train:
            optimizer.zero_grad()
            loss = criterion(detector(images), boxes)
            loss.backward()
            optimizer.step()
            total += loss.item() * len(images)
        scheduler.step()
        detector.eval()
        with torch.no_grad():
            found = detector(val_images)
            val_loss = criterion(found, val_boxes).item()
            off = 0.2 * 24 * (found - val_boxes)[:, :2].norm(dim=1).mean().item()
        print(f"epoch {epoch + 1}/{args.epochs} loss {total / 1500:.4f} val loss {val_loss:.4f} centre off by {off:.2f} pixels")
    print(f"final: val loss {val_loss:.4f}, centre off by {off:.2f} pixels")


if __name__ == "__main__":
    main()
