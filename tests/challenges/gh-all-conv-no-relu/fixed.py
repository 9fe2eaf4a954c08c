import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


class AllConv(nn.Module):
    def __init__(self, n_classes=5):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5, padding=2)
        self.conv2 = nn.Conv2d(12, 16, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2d(16, 24, 3, stride=2, padding=1)
        self.classify = nn.Conv2d(24, n_classes, 1)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        x = F.relu(self.conv3(x))
        return self.classify(x).mean((2, 3))


def fabrics(n, size=16):
    """woven stripes in five directions, at any phase"""
    y = torch.randint(0, 5, (n,))
    angle = y * math.pi / 5 + 0.16 * torch.randn(n)
    yy, xx = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    along = xx * angle.cos()[:, None, None] + yy * angle.sin()[:, None, None]
    x = torch.sin(1.3 * along + 6.283 * torch.rand(n, 1, 1)) + 0.7 * torch.randn(n, size, size)
    return TensorDataset(x.unsqueeze(1), y)


def run_epoch(model, loader, optimizer=None):
    model.train(optimizer is not None)
    loss_sum = hits = count = 0
    with torch.set_grad_enabled(optimizer is not None):
        for x, y in loader:
            out = model(x)
            loss = F.cross_entropy(out, y)
            if optimizer is not None:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            count += len(y)
    return loss_sum / count, hits / count


def main(epochs=12):
    torch.manual_seed(8)
    train_loader = DataLoader(fabrics(1200), batch_size=32, shuffle=True)
    val_loader = DataLoader(fabrics(500), batch_size=250)
    model = AllConv()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(1, epochs + 1):
        loss, acc = run_epoch(model, train_loader, optimizer)
        val_loss, val_acc = run_epoch(model, val_loader)
        scheduler.step()
        print(f"epoch {epoch}/{epochs} - loss {loss:.4f} - acc {acc:.4f} - val loss {val_loss:.4f} - val acc {val_acc:.4f}")
    print(f"final: val loss {val_loss:.4f}, val acc {val_acc:.4f}")


if __name__ == "__main__":
    main()
