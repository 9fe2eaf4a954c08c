import math
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 6
EPOCHS = 30
BATCH = 50
torch.manual_seed(SEED)


def cloud(kind, n=64):
    """n points on the surface of a sphere, cylinder, cone, box or torus, turned about the upright axis."""
    u, v = torch.rand(n) * 2 * math.pi, torch.rand(n) * 2 - 1
    if kind == 0:
        r = (1 - v ** 2).sqrt()
        p = torch.stack([r * u.cos(), r * u.sin(), v], 1)
    elif kind == 1:
        p = torch.stack([0.8 * u.cos(), 0.8 * u.sin(), v], 1)
    elif kind == 2:
        p = torch.stack([(1 - v) / 2 * u.cos(), (1 - v) / 2 * u.sin(), v], 1)
    elif kind == 3:
        p = torch.rand(n, 3) * 1.6 - 0.8
        side = torch.randint(0, 3, (n,))
        p[torch.arange(n), side] = 0.8 * torch.randint(0, 2, (n,)).float().mul(2).sub(1)
    else:
        w = v * math.pi
        p = torch.stack([(0.7 + 0.3 * w.cos()) * u.cos(), (0.7 + 0.3 * w.cos()) * u.sin(), 0.3 * w.sin()], 1)
    a = torch.rand(()) * 2 * math.pi
    turn = torch.tensor([[a.cos(), -a.sin(), 0], [a.sin(), a.cos(), 0], [0, 0, 1]])
    size = 0.8 + 0.4 * torch.rand(3)
    return p @ turn * size + 0.12 * torch.randn(n, 3)


def dataset(n):
    labels = torch.randint(0, 5, (n,))
    return torch.stack([cloud(int(k)) for k in labels]), labels


class PointNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.point1 = nn.Linear(3, 32)
        self.point2 = nn.Linear(32, 96)
        self.fc1 = nn.Linear(96, 48)
        self.fc2 = nn.Linear(48, 5)

    def forward(self, p):
        h = F.relu(self.point1(p))
        h = F.relu(self.point2(h)).amax(1)
        return self.fc2(F.relu(self.fc1(h)))


x_train, y_train = dataset(1500)
x_val, y_val = dataset(1000)
net = PointNet()
optimizer = torch.optim.Adam(net.parameters(), lr=0.1, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=18, gamma=0.2)

for epoch in range(EPOCHS):
    running = 0.0
    for idx in torch.randperm(len(x_train)).split(BATCH):
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    scheduler.step()
    with torch.no_grad():
        logits = net(x_val)
        val = F.cross_entropy(logits, y_val)
        acc = (logits.argmax(1) == y_val).float().mean()
    print(f"epoch {epoch + 1} train loss {running / len(x_train):.4f} val loss {val:.4f} accuracy {acc:.3f}")
