"""Remove muscle noise and drift from short pieces of a heart trace with a small dilated 1-D convolution network."""
import argparse

import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def traces(n, length=128):
    t = torch.arange(length).float()
    clean = torch.zeros(n, length)
    period = 36 + 14 * torch.rand(n, 1)
    start = period * torch.rand(n, 1)
    for shift, height, width in ((0, 1.0, 1.5), (-8, 0.18, 3.0), (12, 0.3, 5.0)):
        for beat in range(-1, 5):
            clean += height * torch.exp(-((t - start - shift - beat * period) / width) ** 2 / 2)
    clean = clean * (0.8 + 0.4 * torch.rand(n, 1))
    drift = 0.4 * torch.sin(6.28 * t / (150 + 100 * torch.rand(n, 1)) + 6.28 * torch.rand(n, 1))
    return ((clean + drift + 0.2 * torch.randn(n, length) - 0.15) / 0.4).unsqueeze(1), ((clean + 0.12 * torch.randn(n, length) - 0.15) / 0.3).unsqueeze(1)


class Block(nn.Module):
    def __init__(self, channels, dilation):
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 5, padding=2 * dilation, dilation=dilation)
        self.norm = nn.GroupNorm(4, channels)

    def forward(self, x):
        return x + torch.relu(self.norm(self.conv(x)))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=19)
    parser.add_argument("--lr", type=float, default=4e-3)
    args = parser.parse_args()
    torch.manual_seed(args.seed)

    train_loader = DataLoader(TensorDataset(*traces(1200)), batch_size=30, shuffle=True)
    val_loader = DataLoader(TensorDataset(*traces(400)), batch_size=100)
    model = nn.Sequential(nn.Conv1d(1, 12, 5, padding=2), Block(12, 1), Block(12, 2), Block(12, 4), nn.Conv1d(12, 1, 5, padding=2))
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, epochs=args.epochs, steps_per_epoch=len(train_loader))
    criterion = nn.MSELoss()

    for epoch in range(args.epochs):
        model.train()
        train_loss = 0.0
        for noisy, clean in train_loader:
            loss = criterion(model(noisy), clean)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            train_loss += loss.item() / len(train_loader)
        model.eval()
        with torch.no_grad():
            val_loss = sum(criterion(model(noisy), clean).item() for noisy, clean in val_loader) / len(val_loader)
        print(f"epoch {epoch + 1:2d}/{args.epochs}  train loss {train_loss:.4f}  val loss {val_loss:.4f}")
    print(f"final: val loss {val_loss:.4f}, signal to noise {1 / val_loss:.1f}")


if __name__ == "__main__":
    main()
