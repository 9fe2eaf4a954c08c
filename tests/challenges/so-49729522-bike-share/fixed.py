import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5)
rng = np.random.default_rng(5)

# hourly rentals of a bike share station over 120 days
hours = np.arange(24 * 120)
of_day = hours % 24
weekend = (hours // 24) % 7 >= 5
shape = np.where(weekend, np.exp(-((of_day - 15) / 4.0) ** 2),
                 np.exp(-((of_day - 8) / 1.5) ** 2) + 0.9 * np.exp(-((of_day - 17.5) / 2.0) ** 2))
weather = np.repeat(1 + 0.35 * np.sin(np.arange(120) / 4.0) + 0.1 * rng.standard_normal(120), 24)
rentals = rng.poisson(np.clip(60 * shape * weather, 0.02, None))
series = (rentals / 100).astype("float32")

LOOK_BACK = 24
clock = np.stack([np.sin(2 * np.pi * of_day / 24), np.cos(2 * np.pi * of_day / 24), weekend], 1).astype("float32")
table = np.concatenate([series[:, None], clock], 1)
X = np.stack([table[i:i + LOOK_BACK] for i in range(len(table) - LOOK_BACK)])
y = series[LOOK_BACK:, None]
cut = 24 * 90
X_train, y_train = torch.from_numpy(X[:cut]), torch.from_numpy(y[:cut])
X_val, y_val = torch.from_numpy(X[cut + LOOK_BACK:]), torch.from_numpy(y[cut + LOOK_BACK:])


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(4, hidden, batch_first=True)
        self.dense = nn.Linear(hidden, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.dense(out[:, -1])


def loss_fn(y_pred, y_true):
    return torch.mean(torch.abs(y_true - y_pred))


model = Forecaster()
EPOCHS = 14
optimizer = torch.optim.Adam(model.parameters(), lr=0.006)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=48, shuffle=True)

for epoch in range(1, EPOCHS + 1):
    model.train()
    total = 0.0
    for xb, yb in loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        pred = model(X_val)
        val_loss = loss_fn(pred, y_val).item()
        off = 100 * (pred - y_val).abs().mean().item()
    print(f"epoch {epoch} loss {total / len(X_train):.5g} val loss {val_loss:.5g} bikes off {off:.2f}")

print(f"final: bikes off {off:.2f} of {100 * y_val.mean().item():.2f} on average")
