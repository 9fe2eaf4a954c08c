import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)
rng = np.random.default_rng(17)

# bicycles taken from nine stations, hour by hour over half a year
HOURS, STATIONS, WINDOW = 24 * 180, 9, 24
t = np.arange(HOURS)
weekend = ((t // 24) % 7 >= 5).astype(float)
daily = 1.2 * np.sin(2 * np.pi * (t - 9) / 24) * (1 - 0.5 * weekend) + 0.5 * np.sin(4 * np.pi * t / 24) * (1 - weekend)
weather = np.zeros(HOURS)
for i in range(1, HOURS):
    weather[i] = 0.9 * weather[i - 1] + 0.1 * rng.standard_normal()
size = rng.uniform(0.3, 1.3, STATIONS)
counts = rng.poisson(np.exp(size[None, :] + daily[:, None] + weather[:, None]))

level = np.log1p(counts)
mean, std = level[:3000].mean(), level[:3000].std()
inputs = np.concatenate([(level - mean) / std, weekend[:, None]], 1)
starts = np.arange(HOURS - WINDOW)
x = torch.tensor(np.stack([inputs[s:s + WINDOW] for s in starts]), dtype=torch.float32)
y = torch.tensor(counts[starts + WINDOW], dtype=torch.float32)
cut = 3000 - WINDOW
train = DataLoader(TensorDataset(x[:cut], y[:cut]), batch_size=64, shuffle=True)
x_val, y_val = x[3000:], y[3000:]


class Demand(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(STATIONS + 1, 20, batch_first=True)
        self.out = nn.Linear(20, STATIONS)

    def forward(self, x):
        _, h = self.gru(x)
        return nn.functional.softplus(self.out(h[-1]))


net = Demand()
epochs = 18
optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.PoissonNLLLoss(full=True)

for epoch in range(1, epochs + 1):
    total = 0.0
    for xb, yb in train:
        loss = criterion(net(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    with torch.no_grad():
        rate = net(x_val)
        val_loss = criterion(rate, y_val).item()
        mae = (rate - y_val).abs().mean().item()
    print(f"epoch {epoch} train loss {total / cut:.4f} val loss {val_loss:.4f} mean absolute error {mae:.2f}")

print(f"final: val loss {val_loss:.3f}, off by {mae:.2f} bicycles of {y_val.mean():.2f}")
