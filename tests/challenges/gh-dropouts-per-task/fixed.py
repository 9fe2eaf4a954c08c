import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(3)
rng = np.random.default_rng(3)


def make_days(n):
    # one day of a building: 24 hourly readings of (outside temperature, occupancy, power)
    t = np.arange(24)
    warm = rng.normal(0, 1, (n, 1))
    busy = rng.uniform(0, 1, (n, 1))
    temp = warm + 0.8 * np.sin((t - 9) / 24 * 2 * np.pi) + rng.normal(0, .2, (n, 24))
    occ = busy * np.exp(-((t - 13) / 4.0) ** 2) + rng.normal(0, .05, (n, 24))
    power = 0.5 * np.abs(temp) + 1.5 * occ + rng.normal(0, .1, (n, 24))
    x = np.stack([temp, 2 * occ, power - 1], 2)
    heat = (temp.clip(max=0).mean(1) * -2 + 0.1 * rng.normal(size=n))
    peak = power[:, 10:16].max(1) - 1.5
    base = 1.5 * np.abs(warm[:, 0]) * busy[:, 0] - 0.5
    y = np.stack([heat, peak, base], 1) + rng.normal(0, .35, (n, 3))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class DayModel(nn.Module):
    """A shared GRU and one small head for each of the three figures."""

    def __init__(self, hidden=48, tasks=3, p=0.5):
        super().__init__()
        self.gru = nn.GRU(3, hidden, batch_first=True)
        self.heads = nn.ModuleList([nn.Linear(hidden, 1) for _ in range(tasks)])
        self.drops = nn.ModuleList([nn.Dropout(p) for _ in range(tasks)])

    def forward(self, x):
        h = self.gru(x)[1][0]
        return torch.cat([head(drop(h)) for head, drop in zip(self.heads, self.drops)], 1)


train_loader = DataLoader(TensorDataset(*make_days(1500)), batch_size=50, shuffle=True)
valid_loader = DataLoader(TensorDataset(*make_days(500)), batch_size=250)
model = DayModel()
optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=1e-4)
epochs = 25
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
mse = nn.MSELoss()


def evaluate():
    model.eval()
    total, mae = 0.0, 0.0
    with torch.no_grad():
        for x, y in valid_loader:
            out = model(x)
            total += mse(out, y).item() * len(x)
            mae += (out - y).abs().mean().item() * len(x)
    return total / len(valid_loader.dataset), mae / len(valid_loader.dataset)


for epoch in range(epochs):
    model.train()
    running = 0.0
    for x, y in train_loader:
        loss = mse(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(x)
    scheduler.step()
    val, mae = evaluate()
    print(f"epoch {epoch + 1} train loss {running / len(train_loader.dataset):.4f} val loss {val:.4f} mae {mae:.4f}")
