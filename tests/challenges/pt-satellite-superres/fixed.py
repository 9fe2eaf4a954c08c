import resource

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(90)


def fields(n, size=48):
    """Patchwork of fields seen from above: straight edges, each side of its own brightness, sensor noise."""
    yy, xx = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    img = torch.full((n, size, size), 0.5)
    for _ in range(5):
        a, off = 6.2832 * torch.rand(n, 1, 1), 0.8 * torch.rand(n, 1, 1) - 0.4
        img = img + 0.18 * torch.randn(n, 1, 1) * torch.sign(xx * torch.cos(a) + yy * torch.sin(a) - off)
    return (img.clamp(0, 1) + 0.05 * torch.randn(n, size, size)).unsqueeze(1)


class SRNet(nn.Module):
    def __init__(self, ch=12):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, ch, 3, padding=1), nn.ReLU(),
                                  nn.Conv2d(ch, ch, 3, padding=1), nn.ReLU(),
                                  nn.Conv2d(ch, 4, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, low):
        return F.interpolate(low, scale_factor=2, mode="bilinear") + self.body(low)


def psnr(out, high):
    return -10 * torch.log10((out - high).pow(2).flatten(1).mean(1)).mean()


train_high, val_high = fields(1200), fields(160)
train_dl = DataLoader(TensorDataset(F.avg_pool2d(train_high, 2), train_high), batch_size=16, shuffle=True)
val_low = F.avg_pool2d(val_high, 2)

model = SRNet()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
epochs = 14
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
train_psnr = []
for epoch in range(epochs):
    model.train()
    running = 0.0
    for low, high in train_dl:
        optimizer.zero_grad()
        out = model(low)
        loss = F.l1_loss(out, high)
        loss.backward()
        optimizer.step()
        running += loss.item()
        train_psnr.append(psnr(out, high).item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_low)
        val, quality = F.l1_loss(out, val_high).item(), psnr(out, val_high).item()
    last = sum(train_psnr[-len(train_dl):]) / len(train_dl)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"epoch {epoch} train loss {running / len(train_dl):.4f} val loss {val:.4f} "
          f"PSNR {last:.2f} / {quality:.2f} dB, memory {memory:.0f} MB")
