import math

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def greenhouse(hours):
    """temperature, sunshine and ventilation, hour by hour"""
    t = torch.arange(hours).float()
    cloud = torch.zeros(hours)
    vent = torch.zeros(hours)
    temp = torch.zeros(hours)
    for i in range(1, hours):
        cloud[i] = 0.95 * cloud[i - 1] + 0.3 * torch.randn(())
        vent[i] = 0.9 * vent[i - 1] + 0.4 * torch.randn(())
        sun = max(0.0, math.sin(2 * math.pi * (i % 24 - 6) / 24)) * torch.sigmoid(1.5 - cloud[i])
        temp[i] = 0.85 * temp[i - 1] + 1.2 * sun - 0.25 * vent[i] + 0.08 * torch.randn(())
    return torch.stack([temp, cloud, vent, torch.sin(2 * math.pi * t / 24), torch.cos(2 * math.pi * t / 24)], 1)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(5, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.head(out[:, -1])


torch.manual_seed(21)
table = greenhouse(3000)
mean, std = table[:2200].mean(0), table[:2200].std(0)
table = (table - mean) / std
window, ahead = 24, 3
rows = torch.arange(window, len(table) - ahead)
x = torch.stack([table[r - window:r] for r in rows])
y = table[rows + ahead - 1, :1]
train, val = TensorDataset(x[:2200], y[:2200]), TensorDataset(x[2230:], y[2230:])

model = Forecaster()
criterion = nn.MSELoss()
epochs = 14
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    total = 0.0
    for xb, yb in DataLoader(train, batch_size=50, shuffle=True):
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val.tensors[0])
        val_loss = criterion(out, val.tensors[1]).item()
        rmse = (out - val.tensors[1]).pow(2).mean().sqrt().item()
    print(f"epoch {epoch + 1:2d} loss {total / len(train):.4f} val loss {val_loss:.4f}")
print(f"final: rmse {rmse:.3f}, deviation of the temperatures {val.tensors[1].std().item():.3f}")
