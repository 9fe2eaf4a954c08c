import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def scenes(n):
    """one bright square somewhere; the network gives the place of its centre"""
    size = 14
    img = 0.6 * torch.randn(n, 1, size, size)
    centre = torch.rand(n, 2) * 8 + 3
    yy, xx = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    bump = torch.exp(-((yy - centre[:, 0].view(-1, 1, 1)) ** 2 + (xx - centre[:, 1].view(-1, 1, 1)) ** 2) / 4)
    img[:, 0] += 2 * bump
    target = (centre - 7) / 2.3 + 0.2 * torch.randn(n, 2)
    return (img - 0.13) / 0.7, target


class Detector(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ReLU(), nn.Flatten())
        self.box = nn.Sequential(nn.Linear(24 * 16, 48), nn.ReLU(), nn.Linear(48, 2))

    def forward(self, images):
        return {"box": self.box(self.features(images))}


def evaluate(model, loader):
    model.eval()
    total = 0.0
    with torch.no_grad():
        for images, boxes in loader:
            total += nn.functional.mse_loss(model(images)["box"], boxes, reduction="sum").item()
    return total / len(loader.dataset) / 2


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--lr", type=float, default=0.6)
    parser.add_argument("--images-per-batch", type=int, default=20)
    args = parser.parse_args()
    torch.manual_seed(40)
    train = DataLoader(TensorDataset(*scenes(3000)), batch_size=args.images_per_batch, shuffle=True)
    val = DataLoader(TensorDataset(*scenes(800)), batch_size=200)
    model = Detector()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=args.epochs)
    for epoch in range(args.epochs):
        model.train()
        running = 0.0
        for images, boxes in train:
            loss = nn.functional.mse_loss(model(images)["box"], boxes)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() / len(train)
        scheduler.step()
        result = evaluate(model, val)
        print(f"epoch {epoch + 1} loss {running:.4f} val loss {result:.4f}")
    print(f"final: val loss {result:.4f}")


if __name__ == "__main__":
    main()
