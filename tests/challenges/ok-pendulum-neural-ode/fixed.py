import torch
from torch import nn

torch.manual_seed(65)
DT, STEPS = 0.15, 14


def rk4(f, s, dt=DT):
    k1 = f(s)
    k2 = f(s + dt / 2 * k1)
    k3 = f(s + dt / 2 * k2)
    k4 = f(s + dt * k3)
    return s + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def pendulum(s):
    angle, speed = s.unbind(-1)
    return torch.stack([speed, -2.0 * torch.sin(angle) - 0.3 * speed], -1)


def swing(n):
    """measured paths; the first state is known well, the rest with an error"""
    s = torch.stack([3.0 * torch.rand(n) - 1.5, 2 * torch.randn(n)], 1)
    path = [s]
    for _ in range(STEPS):
        path.append(rk4(pendulum, path[-1]))
    path = torch.stack(path, 1)
    return path[:, 0], path[:, 1:] + 0.3 * torch.randn(n, STEPS, 2)


class ODENet(nn.Module):
    def __init__(self, width=24):
        super().__init__()
        self.f = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))

    def forward(self, s):
        path = []
        for _ in range(STEPS):
            s = rk4(self.f, s)
            path.append(s)
        return torch.stack(path, 1)


start, path = swing(500)
val_start, val_path = swing(300)
model = ODENet()
epochs = 16
optimizer = torch.optim.Adam(model.parameters(), lr=2e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    for i in torch.randperm(len(start)).split(25):
        loss = (model(start[i]) - path[i]).pow(2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
    scheduler.step()
    with torch.no_grad():
        v = (model(val_start) - val_path).pow(2).mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f}, error of measurement {0.3 ** 2:.4f}")
