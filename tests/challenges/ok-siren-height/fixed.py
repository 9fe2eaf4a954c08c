"""A network of sines learns the height of a landscape from noisy soundings (implicit representation)."""
import math

import torch
from torch import nn

torch.manual_seed(31)
OMEGA = 8.0


class Sine(nn.Module):
    def __init__(self, fan_in, fan_out, first=False):
        super().__init__()
        self.linear = nn.Linear(fan_in, fan_out)
        bound = 1 / fan_in if first else math.sqrt(6 / fan_in) / OMEGA
        nn.init.uniform_(self.linear.weight, -bound, bound)

    def forward(self, x):
        return torch.sin(OMEGA * self.linear(x))


def height(p):
    x, y = p[:, 0], p[:, 1]
    return torch.sin(5 * x) * torch.cos(4 * y) + 0.5 * torch.sin(9 * x * y) + 0.4 * x


def soundings(n):
    p = 2 * torch.rand(n, 2) - 1
    return p, (height(p) + 0.3 * torch.randn(n)).unsqueeze(1)


train_p, train_h = soundings(6000)
val_p, val_h = soundings(1500)
net = nn.Sequential(Sine(2, 48, first=True), Sine(48, 48), nn.Linear(48, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
epochs = 30
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, eta_min=1e-5)
for epoch in range(1, epochs + 1):
    total = 0.0
    for idx in torch.randperm(len(train_p)).split(100):
        loss = nn.functional.mse_loss(net(train_p[idx]), train_h[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(train_p)
    schedule.step()
    with torch.no_grad():
        out = net(val_p)
        val = nn.functional.mse_loss(out, val_h).item()
        true = (out.squeeze(1) - height(val_p)).pow(2).mean().sqrt().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} error against the true height {true:.4f}")
