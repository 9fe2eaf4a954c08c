import math
import torch
from torch import nn

torch.manual_seed(12)
ZETA, OMEGA = 0.2, 3.0


class Displacement(nn.Module):
    """u(t) on [0, 2]; initial values are built in: u(0) = 1, u'(0) = 0"""

    def __init__(self, width=32):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1))

    def forward(self, t):
        return 1 + t ** 2 * self.net(t - 1)


def residual(u, t):
    t = t.requires_grad_(True)
    y = u(t)
    dy, = torch.autograd.grad(y.sum(), t, create_graph=True)
    ddy, = torch.autograd.grad(dy.sum(), t, create_graph=True)
    return (ddy + 2 * ZETA * OMEGA * dy + OMEGA ** 2 * y) / OMEGA ** 2


def exact(t):
    w = OMEGA * math.sqrt(1 - ZETA ** 2)
    return torch.exp(-ZETA * OMEGA * t) * (torch.cos(w * t) + ZETA * OMEGA / w * torch.sin(w * t))


grid = torch.linspace(0, 2, 201)[:, None]
gauge = 0.1 * torch.randn(201, 1)               # what a noisy instrument would have shown
u = Displacement()
epochs = 20
optimizer = torch.optim.Adam(u.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.02 ** (1 / epochs))
for epoch in range(epochs):
    run = 0.0
    for _ in range(60):
        loss = residual(u, 2 * torch.rand(64, 1)).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        run += loss.item() / 60
    scheduler.step()
    with torch.no_grad():
        error = u(grid) - exact(grid)
        v = (error + gauge).square().mean().sqrt().item()
    print(f"epoch {epoch + 1} residual {run:.6f} val loss {v:.5f}")
print(f"final: val loss {v:.4f}, largest error against the exact solution {error.abs().max().item():.4f}")
