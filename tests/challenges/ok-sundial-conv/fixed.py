import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 14


def dials(n, size=28):
    """Photographs of a sundial and the angle of the shadow (noted to about four degrees), as cosine and sine."""
    yy, xx = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    angle = torch.rand(n) * 2 * math.pi
    c, s = angle.cos()[:, None, None], angle.sin()[:, None, None]
    along, across = xx * c + yy * s, yy * c - xx * s
    reach = 0.6 + 0.3 * torch.rand(n, 1, 1)
    shadow = torch.sigmoid(40 * (0.12 - across.abs())) * (along > 0) * (along < reach)
    stone = F.interpolate(torch.rand(n, 1, 6, 6), size, mode="bilinear")[:, 0]
    img = 0.65 + 0.2 * stone - 0.35 * shadow * (0.6 + 0.4 * torch.rand(n, 1, 1)) + 0.08 * torch.randn(n, size, size)
    noted = angle + 0.07 * torch.randn(n)
    return TensorDataset(((img - 0.72) / 0.15).unsqueeze(1), torch.stack([noted.cos(), noted.sin()], 1))


class DialNet(nn.Module):
    def __init__(self, c=12):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, c, 3, stride=2, padding=1, bias=False), nn.GroupNorm(3, c), nn.ReLU(),
            nn.Conv2d(c, 2 * c, 3, stride=2, padding=1, bias=False), nn.GroupNorm(3, 2 * c), nn.ReLU(),
            nn.Conv2d(2 * c, 2 * c, 3, padding=1, bias=False), nn.GroupNorm(3, 2 * c), nn.ReLU())
        self.out = nn.Linear(2 * c * 49, 2)

    def forward(self, x):
        return F.normalize(self.out(self.features(x).flatten(1)), dim=1)


def main():
    torch.manual_seed(3)
    train, val = DataLoader(dials(3000), batch_size=40, shuffle=True), DataLoader(dials(500), batch_size=250)
    net = DialNet()
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.OneCycleLR(opt, 0.1, epochs=EPOCHS, steps_per_epoch=len(train))
    for epoch in range(EPOCHS):
        net.train()
        train_loss = 0.0
        for img, direction in train:
            loss = (1 - (net(img) * direction).sum(1)).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            sched.step()
            train_loss += loss.item() / len(train)
        net.eval()
        val_loss = degrees = 0.0
        with torch.no_grad():
            for img, direction in val:
                cosine = (net(img) * direction).sum(1).clamp(-1, 1)
                val_loss += (1 - cosine).mean().item() / len(val)
                degrees += cosine.acos().rad2deg().mean().item() / len(val)
        print(f"epoch {epoch + 1}/{EPOCHS} train loss {train_loss:.5f} val loss {val_loss:.5f} error {degrees:.2f} degrees")


if __name__ == "__main__":
    main()
