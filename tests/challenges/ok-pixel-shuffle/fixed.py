import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_sample_image


def patches(size=16):
    """grey patches of the two photographs, the left part for training and the right part for validation"""
    train, val = [], []
    for name in ("china.jpg", "flower.jpg"):
        grey = torch.tensor(load_sample_image(name).mean(2) / 255.0, dtype=torch.float32)[:416, :640]
        for part, into in ((grey[:, :480], train), (grey[:, 480:], val)):
            into.append(part.unfold(0, size, size).unfold(1, size, size).reshape(-1, 1, size, size))
    return torch.cat(train), torch.cat(val)


class Upscale(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, width, 3, padding=1), nn.PReLU(), nn.Conv2d(width, width, 3, padding=1), nn.PReLU(),
                                  nn.Conv2d(width, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, small):
        return F.interpolate(small, scale_factor=2, mode="bilinear", align_corners=False) + self.body(small - 0.5)


def main():
    torch.manual_seed(40)
    epochs = 8
    train, val = patches()
    small_val = F.avg_pool2d(val, 2)
    net = Upscale()
    optimizer = torch.optim.Adam(net.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, eta_min=1e-4)
    for epoch in range(epochs):
        net.train()
        total = 0.0
        for idx in torch.randperm(len(train)).split(40):
            big = train[idx]
            if torch.rand(1) < 0.5:
                big = big.flip(3)
            loss = F.l1_loss(net(F.avg_pool2d(big, 2)), big)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        net.eval()
        with torch.no_grad():
            val_loss = F.l1_loss(net(small_val), val).item()
        print(f"epoch {epoch + 1} train loss {total / len(train):.5f} val loss {val_loss:.5f}")
    plain = F.l1_loss(F.interpolate(small_val, scale_factor=2, mode="bilinear", align_corners=False), val).item()
    print(f"final: absolute error {val_loss:.5f}, of bilinear scaling {plain:.5f}")


if __name__ == "__main__":
    main()
