import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser(description="semantic segmentation of parts on a belt")
parser.add_argument("--batch-size", type=int, default=8)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--epochs", type=int, default=12)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args([])

torch.manual_seed(args.seed)


def belt(n, size=20):
    """grey pictures with one disc (class 1) and one square ring (class 2) on class 0"""
    g = torch.Generator().manual_seed(n)
    yy, xx = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    c = torch.rand(n, 4, generator=g) * (size - 8) + 4
    r = torch.rand(n, 2, generator=g) * 2 + 2.5
    disc = ((yy - c[:, 0, None, None]) ** 2 + (xx - c[:, 1, None, None]) ** 2) < r[:, 0, None, None] ** 2
    far = torch.maximum((yy - c[:, 2, None, None]).abs(), (xx - c[:, 3, None, None]).abs())
    ring = (far < r[:, 1, None, None]) & (far > r[:, 1, None, None] - 1.6)
    label = torch.zeros(n, size, size, dtype=torch.long)
    label[disc] = 1
    label[ring] = 2
    level = torch.tensor([0.0, 1.0, 1.0])[label]
    picture = level + 0.45 * torch.randn(n, size, size, generator=g)
    return (picture.unsqueeze(1) - 0.2) / 0.6, label


train_set = TensorDataset(*belt(480))
val_pictures, val_labels = belt(160)
loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True, drop_last=True)


class FCN(nn.Module):
    def __init__(self, width=12, classes=3):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, padding=1)
        self.down = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.deep = nn.Conv2d(2 * width, 2 * width, 3, padding=2, dilation=2)
        self.head = nn.Conv2d(3 * width, classes, 1)

    def forward(self, x):
        fine = F.relu(self.stem(x))
        coarse = F.relu(self.down(F.max_pool2d(fine, 2)))
        coarse = F.relu(self.deep(coarse))
        coarse = F.interpolate(coarse, size=x.shape[-2:], mode="bilinear", align_corners=False)
        return self.head(torch.cat([fine, coarse], dim=1))


net = FCN()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=args.lr, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=args.epochs * len(loader), power=0.9)


def mean_iou(guess, label):
    ious = []
    for k in range(3):
        a, b = guess == k, label == k
        ious.append((a & b).sum().item() / max((a | b).sum().item(), 1))
    return sum(ious) / len(ious)


for epoch in range(args.epochs):
    net.train()
    running = 0.0
    for picture, label in loader:
        optimizer.zero_grad()
        loss = criterion(net(picture), label)
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item()
    net.eval()
    with torch.no_grad():
        out = net(val_pictures)
        val_loss = criterion(out, val_labels).item()
    print(f"epoch {epoch} train loss {running / len(loader):.4f} val loss {val_loss:.4f} mIoU {mean_iou(out.argmax(1), val_labels):.3f}")
