from argparse import ArgumentParser

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim import Adam
from torch.optim.lr_scheduler import CosineAnnealingLR


def get_args():
    parser = ArgumentParser(description="Build SRCNN models and train")
    parser.add_argument("-z", "--size", type=int, default=16, help="image size after expansion")
    parser.add_argument("-b", "--batch", type=int, default=32, help="batch size")
    parser.add_argument("--epochs", type=int, default=44, help="number of epochs")
    parser.add_argument("--lr", type=float, default=0.006)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def draw_images(count, size, generator):
    """coloured slabs with sharp edges under a slow shade"""
    ys, xs = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    images = torch.rand(count, 3, 1, 1, generator=generator).expand(count, 3, size, size).clone()
    for _ in range(3):
        angle = torch.rand(count, 1, 1, generator=generator) * 6.283
        offset = torch.rand(count, 1, 1, generator=generator) * size - size / 2
        side = (xs - size / 2) * torch.cos(angle) + (ys - size / 2) * torch.sin(angle) > offset
        colour = torch.rand(count, 3, 1, 1, generator=generator)
        images = torch.where(side.unsqueeze(1), colour, images)
    return images


def load_images(count, size, generator):
    y = draw_images(count, size, generator)
    small = F.avg_pool2d(y, 2)
    return F.interpolate(small, scale_factor=2, mode="nearest"), (y + 0.1 * torch.randn(y.shape, generator=generator)).clamp(0, 1)


def build_model():
    return nn.Sequential(
        nn.Conv2d(3, 16, 5, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 12, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(12, 3, 3, padding=1),
        nn.Sigmoid(),
    )


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    generator = torch.Generator().manual_seed(args.seed + 1)
    x_images, y_images = load_images(320, args.size, generator)
    x_test, y_test = load_images(96, args.size, generator)

    model = build_model()
    optimizer = Adam(model.parameters(), lr=args.lr)
    schedule = CosineAnnealingLR(optimizer, args.epochs)
    for epoch in range(args.epochs):
        total = 0.0
        for rows in torch.randperm(len(x_images)).split(args.batch):
            loss = F.mse_loss(model(x_images[rows]), y_images[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows) / len(x_images)
        schedule.step()
        with torch.no_grad():
            val = F.mse_loss(model(x_test), y_test)
        print(f"epoch {epoch + 1:3d} train loss {total:.6f} val loss {val.item():.6f} psnr {-10 * torch.log10(val).item():.2f}")


if __name__ == "__main__":
    main()
