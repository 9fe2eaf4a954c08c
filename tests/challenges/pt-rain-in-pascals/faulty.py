import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

SEED = 8
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
COLUMNS = ["pressure_pa", "temperature_k", "humidity_percent", "wind_m_s"]


def station_days(n, hours=24):
    """Hourly readings of a day and whether it rained in the night after it."""
    t = np.arange(hours) / hours
    front = rng.normal(0, 1, (n, 1))
    pressure = 101300 + 700 * rng.normal(0, 1, (n, 1)) - 450 * front * t + 60 * rng.normal(0, 1, (n, hours))
    temperature = 286 + 5 * rng.normal(0, 1, (n, 1)) + 4 * np.sin(6.283 * (t - 0.4)) + 0.6 * rng.normal(0, 1, (n, hours))
    moist = rng.normal(0, 1, (n, 1))
    humidity = np.clip(66 + 10 * moist + 5 * front * t - 6 * np.sin(6.283 * (t - 0.4)) + 2 * rng.normal(0, 1, (n, hours)), 5, 100)
    wind = np.abs(4 + 1.5 * front * t + 1.5 * rng.normal(0, 1, (n, hours)))
    rained = (1.4 * front + 1.0 * moist + 0.5 * rng.logistic(0, 1, (n, 1)) > 0.3)[:, 0]
    return np.stack([pressure, temperature, humidity, wind], 2), rained


class Days(Dataset):
    def __init__(self, n):
        readings, rained = station_days(n)
        self.x = torch.tensor(readings, dtype=torch.float32)
        self.y = torch.tensor(rained, dtype=torch.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class RainLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(len(COLUMNS), 24, batch_first=True)
        self.fc = nn.Linear(24, 1)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(out[:, -1]).squeeze(1)


train = Days(2000)
val = Days(500)
train_loader, val_loader = DataLoader(train, 40, shuffle=True), DataLoader(val, 500)
model = RainLSTM()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
criterion = nn.BCEWithLogitsLoss()
epochs = 12
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    train_loss = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        x, y = next(iter(val_loader))
        out = model(x)
        val_loss = criterion(out, y).item()
        acc = ((out > 0) == (y > 0.5)).float().mean().item()
    print(f"epoch {epoch + 1}/{epochs} train loss {train_loss:.4f} val loss {val_loss:.4f} val acc {acc:.3f}")
