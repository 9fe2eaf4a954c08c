import argparse

import torch
import torch.nn as nn


def keywords(n):
    """spectrograms (12 bands x 20 frames) of four spoken words: sweeps up or down, early or late"""
    y = torch.randint(0, 4, (n,))
    band, frame = torch.arange(12).float()[:, None], torch.arange(20).float()
    start = torch.rand(n) * 3 + torch.where(y > 1, 6.0, 1.0)
    slope = torch.where(y % 2 == 0, 1.0, -1.0) * (0.7 + 0.4 * torch.rand(n))
    middle = 5.5 + slope[:, None] * (frame - start[:, None] - 4)
    energy = torch.exp(-(band - middle[:, None, :]) ** 2 / 1.5) * ((frame - start[:, None] - 4).abs() < 5).float()[:, None, :]
    x = 1.5 * energy + 1.35 * torch.randn(n, 12, 20)
    return ((x - x.mean()) / x.std()).unsqueeze(1), y


def build():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d((3, 2)), nn.Flatten(),
        nn.Linear(16 * 2 * 5, 32), nn.ReLU(), nn.Linear(32, 4),
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--lr", type=float, default=0.001)
    parser.add_argument("--seed", type=int, default=3)
    opt = parser.parse_args()
    torch.manual_seed(opt.seed)
    x, y = keywords(1400)
    x_val, y_val = keywords(600)
    model, loss_fn = build(), nn.CrossEntropyLoss()
    sgd = torch.optim.SGD(model.parameters(), lr=opt.lr, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, opt.epochs)
    for epoch in range(opt.epochs):
        model.train()
        for idx in torch.randperm(len(x)).split(opt.batch):
            loss = loss_fn(model(x[idx]), y[idx])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
        schedule.step()
        model.eval()
        with torch.no_grad():
            out = model(x_val)
            val_loss = loss_fn(out, y_val).item()
            acc = (out.argmax(1) == y_val).float().mean().item()
        print(f"epoch {epoch}: loss {loss.item():.3f}, val loss {val_loss:.3f}, accuracy {acc:.3f}")
    print(f"final: val loss {val_loss:.3f}, accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
