import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(36)
POINTS, PARTS = 48, 4


def lamps(n):
    """point clouds of lamps: foot (disc), pole (line), shade (cone) and bulb (ball); the part of each point"""
    share = torch.tensor([0.3, 0.2, 0.4, 0.1]) * torch.rand(n, PARTS) ** 2 + 1e-3
    part = torch.multinomial(share, POINTS, replacement=True)
    angle, u = 6.283 * torch.rand(n, POINTS), torch.rand(n, POINTS)
    height = 1.0 + 0.6 * torch.rand(n, 1)
    zero = torch.zeros_like(u)
    ring = torch.stack([angle.cos(), angle.sin()], 2)
    foot = torch.cat([0.6 * u.sqrt()[..., None] * ring, zero[..., None]], 2)
    pole = torch.stack([zero, zero, u * height], 2)
    shade = torch.cat([(0.2 + 0.5 * u)[..., None] * ring, (height + 0.3 - 0.5 * u)[..., None]], 2)
    bulb = F.normalize(torch.randn(n, POINTS, 3), dim=2) * 0.15 + torch.stack([zero, zero, height - 0.1 + zero], 2)
    cloud = torch.stack([foot, pole, shade, bulb]).gather(0, part[None, ..., None].expand(1, n, POINTS, 3))[0]
    turn = 6.283 * torch.rand(n, 1)
    x, y, z = cloud.unbind(2)
    cloud = torch.stack([x * turn.cos() - y * turn.sin(), x * turn.sin() + y * turn.cos(), z - height / 2], 2)
    return cloud + 0.07 * torch.randn(n, POINTS, 3), part


class PointSegmenter(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.local = nn.Sequential(nn.Linear(3, width), nn.GELU(), nn.Linear(width, width), nn.GELU())
        self.shape = nn.Sequential(nn.Linear(width, width), nn.GELU())
        self.score = nn.Sequential(nn.Linear(2 * width, width), nn.GELU(), nn.Linear(width, PARTS))

    def forward(self, points):
        h = self.local(points)
        whole = self.shape(h).amax(1, keepdim=True).expand(-1, points.shape[1], -1)
        scores = self.score(torch.cat([h, whole], 2))
        return F.log_softmax(scores, dim=2)


train_loader = DataLoader(TensorDataset(*lamps(900)), batch_size=20, shuffle=True)
val_points, val_parts = lamps(250)
model = PointSegmenter()
epochs = 14
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=epochs * len(train_loader))
for epoch in range(epochs):
    model.train()
    running = 0.0
    for points, parts in train_loader:
        log_p = model(points)
        loss = F.nll_loss(log_p.reshape(-1, PARTS), parts.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item() / len(train_loader)
    model.eval()
    with torch.no_grad():
        log_p = model(val_points)
    val_loss = F.nll_loss(log_p.reshape(-1, PARTS), val_parts.reshape(-1)).item()
    right = (log_p.argmax(2) == val_parts).float().mean().item()
    print(f"epoch {epoch + 1}: loss {running:.4f} val loss {val_loss:.4f} points right {right:.4f}")
print(f"final: val loss {val_loss:.4f}, points right {right:.4f}")
