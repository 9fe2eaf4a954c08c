import math
import numpy as np
import torch
from torch import nn

SEED = 19
EPOCHS = 40
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
SENSORS, PLACES = 32, 20


def beams(n):
    """Loads on a clamped beam (as read at 32 sensors) and its bending at places drawn at random, measured with noise."""
    s = np.linspace(0, 1, 200)
    load = sum(rng.standard_normal((n, 1)) / (k + 1) * np.sin((k + 0.5) * math.pi * s + rng.uniform(0, 6.3, (n, 1))) for k in range(4))
    dx = s[1] - s[0]
    shear = np.cumsum(load[:, ::-1], 1)[:, ::-1] * dx
    moment = np.cumsum(shear[:, ::-1], 1)[:, ::-1] * dx
    bend = np.cumsum(np.cumsum(moment, 1), 1) * dx * dx * 20
    spot = rng.integers(0, 200, (n, PLACES))
    u = np.take_along_axis(bend, spot, 1) + 0.08 * rng.standard_normal((n, PLACES))
    t = lambda a: torch.tensor(a, dtype=torch.float32)
    return t(load[:, np.linspace(0, 199, SENSORS).astype(int)]), t(s[spot]).unsqueeze(2), t(u)


class DeepONet(nn.Module):
    """Branch net for the load, trunk net for the place; the answer is their inner product."""

    def __init__(self, p=32):
        super().__init__()
        self.branch = nn.Sequential(nn.Linear(SENSORS, 48), nn.Tanh(), nn.Linear(48, p))
        self.trunk = nn.Sequential(nn.Linear(1, 48), nn.Tanh(), nn.Linear(48, p), nn.Tanh())
        self.shift = nn.Parameter(torch.zeros(()))

    def forward(self, load, place):
        return torch.einsum("np,nkp->nk", self.branch(load), self.trunk(place)) + self.shift


train, val = beams(1500), beams(400)
model = DeepONet()
optimizer = torch.optim.NAdam(model.parameters(), lr=4e-3)
plan = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(1, EPOCHS + 1):
    total = 0.0
    for rows in torch.randperm(1500).split(50):
        load, place, u = (a[rows] for a in train)
        loss = nn.functional.mse_loss(model(load, place), u)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / 30
    plan.step()
    with torch.no_grad():
        out = model(val[0], val[1])
        v = nn.functional.mse_loss(out, val[2]).item()
        rel = ((out - val[2]).norm() / val[2].norm()).item()
    print(f"epoch {epoch} train loss {total:.5f} val loss {v:.5f} relative error {rel:.3f}")
