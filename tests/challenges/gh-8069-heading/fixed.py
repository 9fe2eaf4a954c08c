import math
import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(14)


def compass_readings(n):
    """Three tilted magnetometers of a drifting buoy and the heading they were recorded at."""
    heading = 2 * math.pi * torch.rand(n)
    field = torch.stack([torch.cos(heading), torch.sin(heading)], 1)
    mixing = torch.tensor([[1.0, 0.3], [-0.4, 0.9], [0.5, -0.8]])
    readings = field @ mixing.T
    readings = readings + 0.3 * readings ** 2 + 0.12 * torch.randn(n, 3)
    return readings, field


def angle_loss(predicted, true):
    cosine = (F.normalize(predicted, dim=1) * F.normalize(true, dim=1)).sum(1)
    return torch.acos(cosine.clamp(-1 + 1e-5, 1 - 1e-5)).mean()


class Heading(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(3, width), nn.Linear(width, width)])
        self.out = nn.Linear(width, 2)

    def forward(self, x):
        for layer in self.layers:
            x = F.elu(layer(x))
        return self.out(x)


x_train, y_train = compass_readings(3000)
x_val, y_val = compass_readings(800)
mean, std = x_train.mean(0), x_train.std(0)
x_train, x_val = (x_train - mean) / std, (x_val - mean) / std

net = Heading()
optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
batch = 40
EPOCHS = 24
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.85)
for epoch in range(EPOCHS):
    order = torch.randperm(len(x_train))
    seen = 0.0
    for i in range(0, len(order), batch):
        rows = order[i:i + batch]
        optimizer.zero_grad()
        loss = angle_loss(net(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        seen += loss.item() * len(rows)
    scheduler.step()
    with torch.no_grad():
        val_loss = angle_loss(net(x_val), y_val).item()
    print(f"epoch {epoch + 1} train loss {seen / len(order):.4f} val loss {val_loss:.4f} error {math.degrees(val_loss):.2f} degrees")
