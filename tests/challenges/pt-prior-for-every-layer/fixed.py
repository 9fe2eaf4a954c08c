import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(6)


def plates(n, size=20):
    """Pictures of a plate with a few round colonies; the mask marks their middles."""
    grid = torch.arange(size, dtype=torch.float32)
    x = torch.zeros(n, size, size)
    mask = torch.zeros(n, 1, size, size)
    for i in range(n):
        for _ in range(int(torch.randint(1, 5, (1,)))):
            cy, cx = torch.randint(2, size - 2, (2,)).tolist()
            r2 = (grid[:, None] - cy) ** 2 + (grid[None] - cx) ** 2
            x[i] = torch.maximum(x[i], torch.exp(-r2 / 3.0))
            mask[i, 0, cy, cx] = 1
        for _ in range(2):
            row = int(torch.randint(0, size, (1,)))
            x[i, row] += 0.5
    x = x[:, None] + 0.3 * torch.randn(n, 1, size, size)
    return (x - x.mean()) / x.std(), mask


class ColonyNet(nn.Module):
    def __init__(self, prior=0.01):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(),
            nn.Conv2d(12, 16, 3, padding=1), nn.ReLU(),
            nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        )
        self.score = nn.Conv2d(16, 1, 1)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                nn.init.zeros_(m.bias)
        nn.init.constant_(self.score.bias, -math.log((1 - prior) / prior))

    def forward(self, x):
        return self.score(self.features(x))


def focal_loss(logits, target, alpha=0.75, gamma=2.0):
    ce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = torch.exp(-ce)
    weight = alpha * target + (1 - alpha) * (1 - target)
    return (weight * (1 - p_t) ** gamma * ce).sum() / target.sum()


x_train, m_train = plates(700)
x_val, m_val = plates(250)
net = ColonyNet()
epochs = 16
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    net.train()
    running, batches = 0.0, 0
    for idx in torch.randperm(len(x_train)).split(32):
        optimizer.zero_grad()
        loss = focal_loss(net(x_train[idx]), m_train[idx])
        loss.backward()
        optimizer.step()
        running, batches = running + loss.item(), batches + 1
    scheduler.step()
    net.eval()
    with torch.no_grad():
        out = net(x_val)
        val_loss = focal_loss(out, m_val).item()
        hit = (out > 0).float() * m_val
        recall = hit.sum().item() / m_val.sum().item()
    print(f"epoch {epoch + 1} train loss {running / batches:.4f} val loss {val_loss:.4f} recall {recall:.3f}")
