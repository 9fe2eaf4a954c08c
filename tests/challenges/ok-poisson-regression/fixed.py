import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.default_rng(25)
torch.manual_seed(25)


def rentals(n):
    """bikes rented in an hour: a count between a handful and two thousand"""
    hour = rng.integers(0, 24, n)
    temperature = rng.normal(14, 8, n)
    rain = rng.random(n) < 0.2
    weekend = rng.random(n) < 2 / 7
    rush = np.exp(-((hour - 8) ** 2) / 4) + 1.2 * np.exp(-((hour - 17.5) ** 2) / 6)
    midday = np.exp(-((hour - 14) ** 2) / 18)
    rate = 3.2 + 2.2 * np.where(weekend, midday, rush) + 0.8 * midday + 0.06 * temperature - 0.0012 * (temperature - 14) ** 2 - 0.9 * rain
    count = rng.poisson(np.exp(rate) * rng.gamma(12.0, 1 / 12.0, n))
    x = np.column_stack([np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24), np.sin(4 * np.pi * hour / 24),
                         np.cos(4 * np.pi * hour / 24), (temperature - 14) / 8, rain, weekend])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(count, dtype=torch.float32)


x_train, y_train = rentals(4000)
x_val, y_val = rentals(1500)
print(f"counts from {y_train.min():.0f} to {y_train.max():.0f}, mean {y_train.mean():.0f}")
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=100, shuffle=True)

net = nn.Sequential(nn.Linear(7, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1), nn.Flatten(0))
with torch.no_grad():
    net[-2].bias.fill_(y_train.mean().log())
criterion = nn.PoissonNLLLoss(log_input=True)
epochs = 20
optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    net.train()
    total = 0.0
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 50.0)
        optimizer.step()
        total += loss.item() * len(y)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        log_rate = net(x_val)
        val = criterion(log_rate, y_val).item()
        mae = (log_rate.exp() - y_val).abs().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(y_train):.3f} val loss {val:.3f} mean absolute error {mae:.2f}")
print(f"always the mean: {(y_val - y_train.mean()).abs().mean().item():.2f}")
