import math

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.parameter import Parameter

SEED = 12
torch.manual_seed(SEED)


class Affine(nn.Module):
    """y = x W + b"""

    def __init__(self, inputs, outputs):
        super().__init__()
        self.W = Parameter((2 * torch.rand(inputs, outputs) - 1) / math.sqrt(inputs))
        self.b = Parameter(torch.zeros(outputs))

    def forward(self, x):
        return x @ self.W + self.b


class SpringNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = Affine(6, 80)
        self.second = Affine(80, 80)
        self.third = Affine(80, 1)

    def forward(self, x):
        h = torch.tanh(self.first(x))
        h = torch.tanh(self.second(h))
        return self.third(h).squeeze(-1)


def measurements(n):
    x = 2 * torch.rand(n, 6) - 1
    y = torch.sin(2 * x[:, 0] + x[:, 1]) + x[:, 2] * x[:, 3] - 0.5 * x[:, 4] ** 2 + 0.3 * x[:, 5]
    return x, y + 0.2 * torch.randn(n)


train_x, train_y = measurements(3000)
val_x, val_y = measurements(1000)
model = SpringNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)

epochs = 40
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    total = 0.0
    for idx in torch.randperm(len(train_x)).split(50):
        loss = F.mse_loss(model(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        total += loss.item() * len(idx) / len(train_x)
    scheduler.step()
    with torch.no_grad():
        prediction = model(val_x)
        val = F.mse_loss(prediction, val_y).item()
        r2 = 1 - val / val_y.var().item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} r2 {r2:.4f}")
