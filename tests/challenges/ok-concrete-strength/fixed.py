import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
rng = np.random.default_rng(21)
epochs = 25

n = 3000
cement = rng.uniform(120, 520, n)
water = rng.uniform(130, 230, n)
ash = np.where(rng.random(n) < 0.5, 0.0, rng.uniform(60, 190, n))
age = rng.choice([3, 7, 14, 28, 56, 90], n)
ratio = water / (cement + 0.4 * ash)
strength = 92 * np.exp(-1.35 * ratio) * (0.35 + 0.2 * np.log(age)) + rng.normal(0, 3.0, n)
gross = rng.random(n) < 0.02
strength[gross] += rng.normal(0, 40, gross.sum())

x = np.stack([cement, water, ash, np.log(age)], 1)
x_mean, x_std = x[:2400].mean(0), x[:2400].std(0)
y_mean, y_std = strength[:2400].mean(), strength[:2400].std()
x = torch.tensor((x - x_mean) / x_std, dtype=torch.float32)
y = torch.tensor((strength - y_mean) / y_std, dtype=torch.float32).unsqueeze(1)
loader = DataLoader(TensorDataset(x[:2400], y[:2400]), batch_size=48, shuffle=True)
x_val, y_val = x[2400:], y[2400:]

model = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
huber = nn.SmoothL1Loss()

for epoch in range(epochs):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = huber(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val = huber(out, y_val).item()
        mae = (out - y_val).abs().mean().item() * y_std
    print(f"epoch {epoch + 1} train loss {total / 2400:.4f} val loss {val:.4f} mae {mae:.2f} MPa")
