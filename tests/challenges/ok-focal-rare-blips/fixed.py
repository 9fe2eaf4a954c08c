"""Find rare blips along a trace: a dense prediction per sample, focal loss and a prior in the last bias."""
import math

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

seed = 12
torch.manual_seed(seed)
rng = np.random.default_rng(seed)


def traces(n, length=128):
    t = np.arange(length)
    x = np.cumsum(0.12 * rng.standard_normal((n, length)), 1)
    x -= x.mean(1, keepdims=True)
    x += 0.55 * rng.standard_normal((n, length))
    y = np.zeros((n, length))
    for i in range(n):
        for _ in range(rng.integers(0, 4)):
            c = rng.integers(4, length - 4)
            x[i] += 1.6 * np.exp(-((t - c) / 1.5) ** 2) - 0.8 * np.exp(-((t - c - 4) / 2.0) ** 2)
            y[i, c - 1:c + 2] = 1
    return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


def focal_loss(logits, target, gamma=2.0, alpha=0.75):
    ce = F.binary_cross_entropy_with_logits(logits, target, reduction="none")
    p_t = torch.exp(-ce)
    weight = alpha * target + (1 - alpha) * (1 - target)
    return (weight * (1 - p_t) ** gamma * ce).sum() / target.sum().clamp(min=1)


class BlipNet(nn.Module):
    def __init__(self, c=16, prior=0.03):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv1d(1, c, 7, padding=3), nn.Conv1d(c, c, 5, padding=2), nn.Conv1d(c, c, 5, padding=4, dilation=2)])
        self.norms = nn.ModuleList([nn.GroupNorm(4, c) for _ in range(3)])
        self.out = nn.Conv1d(c, 1, 1)
        nn.init.zeros_(self.out.weight)
        nn.init.constant_(self.out.bias, -math.log((1 - prior) / prior))

    def forward(self, x):
        for conv, norm in zip(self.convs, self.norms):
            x = F.silu(norm(conv(x)))
        return self.out(x).squeeze(1)


def f1(logits, y):
    hit = ((logits > 0) & (y > 0.5)).sum().item()
    return 2 * hit / max((logits > 0).sum().item() + y.sum().item(), 1)


train_x, train_y = traces(2400)
val_x, val_y = traces(500)
print(f"share of blip samples {train_y.mean().item():.3f}")
net = BlipNet()
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
EPOCHS = 10
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS, eta_min=5e-5)
for epoch in range(EPOCHS):
    net.train()
    total, batches = 0.0, 0
    for b in torch.randperm(len(train_x)).split(48):
        loss = focal_loss(net(train_x[b]), train_y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total, batches = total + loss.item(), batches + 1
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(val_x)
        val = focal_loss(out, val_y).item()
    print(f"epoch {epoch + 1} train loss {total / batches:.4f} val loss {val:.4f} f1 {f1(out, val_y):.3f}")
