"""How many minutes does a delivery take? Small network over numbers and two categories."""
import copy
import math
import os
import random

import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 4
EPOCHS = 16
random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)

# ---- data -------------------------------------------------------------
n = 9000
km = np.random.gamma(2.5, 1.6, n)
hour = np.random.randint(8, 23, n)
zone = np.random.randint(0, 9, n)
vehicle = np.random.choice(3, n, p=[0.5, 0.3, 0.2])          # bicycle, scooter, car
weight = np.random.exponential(1.2, n)
rain = np.random.rand(n) < 0.25
zone_speed = np.random.uniform(0.7, 1.3, 9)
speed = np.array([0.28, 0.42, 0.5])[vehicle] * zone_speed[zone]
rush = np.exp(-((hour - 18) / 1.8) ** 2) + 0.6 * np.exp(-((hour - 9) / 1.2) ** 2)
speed = speed * np.where(vehicle == 2, 1 - 0.45 * rush, 1 - 0.1 * rush)
minutes = 6 + km / speed * np.where(rain & (vehicle < 2), 1.25, 1.0) + 0.8 * weight
minutes = minutes * np.exp(0.13 * np.random.randn(n))

num = np.stack([km, np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24), weight, rain.astype(float)], 1)
cat = np.stack([zone, vehicle], 1)
n_train = 7500
mean, std = num[:n_train].mean(0), num[:n_train].std(0)
num = (num - mean) / std
target = np.log(minutes)
t_mean, t_std = target[:n_train].mean(), target[:n_train].std()
target = (target - t_mean) / t_std

data = TensorDataset(torch.tensor(num, dtype=torch.float32), torch.tensor(cat), torch.tensor(target, dtype=torch.float32))
train_set = torch.utils.data.Subset(data, range(n_train))
val_set = torch.utils.data.Subset(data, range(n_train, n))
train_loader = DataLoader(train_set, batch_size=64, shuffle=True, drop_last=True)
val_loader = DataLoader(val_set, batch_size=500)


# ---- model ------------------------------------------------------------
class DeliveryNet(nn.Module):
    def __init__(self, sizes=((9, 4), (3, 2)), n_num=5, hidden=64):
        super().__init__()
        self.embeds = nn.ModuleList([nn.Embedding(a, b) for a, b in sizes])
        d = n_num + sum(b for _, b in sizes)
        self.layers = nn.ModuleList([nn.Linear(d, hidden), nn.Linear(hidden, hidden)])
        self.out = nn.Linear(hidden, 1)

    def forward(self, num, cat):
        x = torch.cat([num] + [e(cat[:, i]) for i, e in enumerate(self.embeds)], dim=1)
        for layer in self.layers:
            x = torch.relu(layer(x))
        return self.out(x).squeeze(1)


model = DeliveryNet()
print("parameters:", sum(p.numel() for p in model.parameters()))
criterion = nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=4, gamma=0.4)

# ---- training ---------------------------------------------------------
best, best_state = math.inf, None
for epoch in range(EPOCHS):
    model.train()
    running, seen = 0.0, 0
    for i, (a, c, y) in enumerate(train_loader):
        optimizer.zero_grad()
        loss = criterion(model(a, c), y)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(y)
        seen += len(y)
        if epoch == 0 and i % 50 == 0:
            print(f"  batch {i}: {loss.item():.3f}")
    scheduler.step()

    model.eval()
    val, err = 0.0, 0.0
    with torch.no_grad():
        for a, c, y in val_loader:
            p = model(a, c)
            val += criterion(p, y).item() * len(y)
            err += (torch.exp(p * t_std + t_mean) - torch.exp(y * t_std + t_mean)).abs().sum().item()
    val /= len(val_set)
    if val < best:
        best, best_state = val, copy.deepcopy(model.state_dict())
    print(f"epoch {epoch + 1} train loss {running / seen:.4f} val loss {val:.4f} mae {err / len(val_set):.2f} min")

model.load_state_dict(best_state)
print(f"best val loss {best:.4f}")
