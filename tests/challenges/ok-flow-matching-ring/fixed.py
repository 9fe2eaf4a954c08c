import math

import torch
import torch.nn as nn

torch.manual_seed(31)


def ring(n):
    r = 2.0 + 0.1 * torch.randn(n)
    a = 2 * math.pi * torch.rand(n)
    return torch.stack([r * a.cos(), r * a.sin()], 1)


class Velocity(nn.Module):
    def __init__(self, width=64):
        super().__init__()
        self.freqs = nn.Parameter(torch.arange(1.0, 5.0) * math.pi, requires_grad=False)
        self.net = nn.Sequential(nn.Linear(2 + 8, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, 2))

    def forward(self, x, t):
        a = t * self.freqs
        return self.net(torch.cat([x, a.sin(), a.cos()], 1))


def matching_loss(model, data, noise, t):
    x_t = (1 - t) * noise + t * data
    return ((model(x_t, t) - (data - noise)) ** 2).mean()


@torch.no_grad()
def sample(model, n, steps=20):
    x = torch.randn(n, 2)
    for k in range(steps):
        t = torch.full((n, 1), k / steps)
        half = x + 0.5 / steps * model(x, t)
        x = x + model(half, t + 0.5 / steps) / steps
    return x


train = ring(8000)
val, val_noise, val_t = ring(3000), torch.randn(3000, 2), torch.rand(3000, 1)
model = Velocity()
ema = torch.optim.swa_utils.AveragedModel(model, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99))
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
EPOCHS = 14
for epoch in range(EPOCHS):
    total = 0.0
    for x in train[torch.randperm(len(train))].split(100):
        loss = matching_loss(model, x, torch.randn_like(x), torch.rand(len(x), 1))
        opt.zero_grad(); loss.backward(); opt.step()
        ema.update_parameters(model)
        total += loss.item() * len(x)
    with torch.no_grad():
        v = matching_loss(ema, val, val_noise, val_t).item()
    r = sample(ema, 1000).norm(dim=1)
    off = (r - 2.0).abs().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(train):.4f} val loss {v:.4f} distance of samples from the ring {off:.3f}")
