import math

import torch
from torch import nn


def occupancy(days):
    """Cars in a car park hour by hour: day and week, and a slow drift."""
    hours = torch.arange(days * 24, dtype=torch.float32)
    day, week = hours % 24, (hours // 24) % 7
    shape = torch.exp(-((day - 11) / 3.0) ** 2) + 0.8 * torch.exp(-((day - 18) / 2.0) ** 2)
    drift = torch.zeros(len(hours))
    for i in range(1, len(hours)):
        drift[i] = 0.95 * drift[i - 1] + 0.05 * torch.randn(())
    cars = shape * torch.where(week >= 5, 0.5, 1.0) + drift + 0.08 * torch.randn(len(hours))
    return torch.stack([cars, torch.sin(day * math.pi / 12), torch.cos(day * math.pi / 12), (week >= 5).float()], 1)


class Forecaster(nn.Module):
    def __init__(self, features=4, hidden=24):
        super().__init__()
        self.lstm = nn.LSTM(features, hidden, batch_first=True)
        self.dropout = nn.Dropout(0.1)
        self.linear = nn.Linear(hidden, 1)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.linear(self.dropout(h[-1])).squeeze(1)


def cut(series, length):
    x = torch.stack([series[i:i + length] for i in range(len(series) - length)])
    return x, series[length:, 0]


def main():
    torch.manual_seed(11)
    data = occupancy(110)
    split = 85 * 24
    mean, std = data[:split].mean(0), data[:split].std(0)
    data = (data - mean) / std
    x_train, y_train = cut(data[:split], 18)
    x_val, y_val = cut(data[split:], 18)
    model = Forecaster()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    loss_fn = nn.MSELoss()
    epochs = 30
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.88)
    for epoch in range(epochs):
        model.train()
        total = 0.0
        for batch in torch.randperm(len(x_train)).split(64):
            loss = loss_fn(model(x_train[batch]), y_train[batch])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(batch)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            pred = model(x_val)
            val = loss_fn(pred, y_val).item()
            mae = (pred - y_val).abs().mean().item()
        print(f"epoch {epoch} train loss {total / len(x_train):.4f} val loss {val:.4f} mae {mae:.4f}")
    print(f"repeating the last hour: {loss_fn(x_val[:, -1, 0], y_val).item():.4f}")


if __name__ == "__main__":
    main()
