import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(23)
SIDE = 16


def faces(n):
    """two bright spots, the left one round and the right one long, under noise; targets in [-1, 1]"""
    eyes = torch.rand(n, 2, 2) * torch.tensor([0.7, 1.4]) + torch.tensor([[-0.8, -0.7], [0.1, -0.7]])
    g = torch.linspace(-1, 1, SIDE)
    d = (g[None, None, None] - eyes[:, :, :1, None]) ** 2 / torch.tensor([0.02, 0.02])[:, None, None]
    e = (g[None, None, :, None] - eyes[:, :, 1:, None]) ** 2 / torch.tensor([0.02, 0.08])[:, None, None]
    return torch.exp(-(d + e)).sum(1, keepdim=True) + 0.35 * torch.randn(n, 1, SIDE, SIDE), eyes


class HeatmapNet(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, channels, 5, padding=2), nn.ReLU(),
            nn.Conv2d(channels, channels, 5, padding=2), nn.ReLU(),
            nn.Conv2d(channels, 2, 3, padding=1),
        )
        self.register_buffer("grid", torch.linspace(-1, 1, SIDE))

    def forward(self, x):
        heat = F.softmax(self.body(x).flatten(2), dim=2).unflatten(2, (SIDE, SIDE))
        return torch.stack([(heat.sum(2) * self.grid).sum(2), (heat.sum(3) * self.grid).sum(2)], 2)


def train(model, data, val, epochs=12, lr=4e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    images, points = data
    for epoch in range(1, epochs + 1):
        running = 0.0
        for batch in torch.randperm(len(images)).split(25):
            loss = F.mse_loss(model(images[batch]), points[batch] + 0.2 * torch.randn(len(batch), 2, 2))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            running += loss.item() * len(batch) / len(images)
        scheduler.step()
        with torch.no_grad():
            val_loss = F.mse_loss(model(val[0]), val[1]).item()
        print(f"epoch {epoch} train loss {running:.5f} val loss {val_loss:.5f}")
    return val_loss


seen, unseen = faces(700), faces(300)
unseen = (unseen[0], unseen[1] + 0.2 * torch.randn_like(unseen[1]))
print(f"final: off by {train(HeatmapNet(), seen, unseen) ** 0.5 * (SIDE - 1) / 2:.3f} pixels")
