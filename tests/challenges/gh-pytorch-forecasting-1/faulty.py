import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

HISTORY = 24
EPOCHS = 15


def hourly_demand(hours, rng):
    """electricity demand of a region in MW and the outside temperature"""
    t = np.arange(hours)
    temp = 12 + 9 * np.sin(2 * np.pi * t / (24 * 60)) + 4 * np.sin(2 * np.pi * (t - 9) / 24) + rng.normal(0, 0.7, hours)
    weekend = (t // 24) % 7 >= 5
    demand = 31000 + 5200 * np.sin(2 * np.pi * (t - 7) / 24) + 1800 * np.sin(4 * np.pi * t / 24) \
        - 4000 * weekend + 170 * np.abs(temp - 17) + rng.normal(0, 350, hours)
    return temp, weekend.astype(float), demand


class Windows(Dataset):
    def __init__(self, features, target):
        self.x = torch.tensor(features, dtype=torch.float32)
        self.y = torch.tensor(target, dtype=torch.float32)

    def __len__(self):
        return len(self.x) - HISTORY

    def __getitem__(self, i):
        return self.x[i:i + HISTORY], self.y[i + HISTORY]


class Forecaster(nn.Module):
    def __init__(self, n_features, hidden=32):
        super().__init__()
        self.gru = nn.GRU(n_features, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x):
        _, h = self.gru(x)
        return self.linear(h[-1]).squeeze(1)


def main():
    torch.manual_seed(20)
    temp, weekend, demand = hourly_demand(2400, np.random.default_rng(20))
    hour = np.arange(len(demand)) % 24
    features = np.stack([temp, weekend, np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24), demand], 1)
    features = (features - features[:1900].mean(0)) / features[:1900].std(0)
    target = demand
    train = DataLoader(Windows(features[:1900], target[:1900]), batch_size=32, shuffle=True)
    val = DataLoader(Windows(features[1900:], target[1900:]), batch_size=476)
    variance = target[1900:].var()

    model = Forecaster(features.shape[1])
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.003)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
    mse = nn.MSELoss()
    for epoch in range(EPOCHS):
        model.train()
        losses = []
        for x, y in train:
            loss = mse(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        schedule.step()
        model.eval()
        with torch.no_grad():
            x, y = next(iter(val))
            val_loss = mse(model(x), y).item()
        print(f"epoch {epoch + 1} train loss {np.mean(losses):.5g} val loss {val_loss:.5g} (r2 {1 - val_loss / variance:.3f})")


if __name__ == "__main__":
    main()
