import time

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

HOURS = 12


def measure(stations, hours, rng):
    """hourly weather of some stations in one long table"""
    frames = []
    for station in range(stations):
        t = np.arange(hours)
        front = np.convolve(rng.normal(size=hours + 23), np.ones(24) / 5, "valid")
        sun = np.clip(np.sin(2 * np.pi * (t - 6) / 24), 0, None)
        temp = 8 * sun - 2.0 * front + rng.normal(0, 0.6, hours)
        frames.append(pd.DataFrame({"station": station, "hour": t, "temp": temp, "pressure": front + rng.normal(0, 0.1, hours),
                                    "sun": sun + rng.normal(0, 0.1, hours)}))
    table = pd.concat(frames, ignore_index=True)
    for column in ("temp", "pressure", "sun"):
        table[column] = (table[column] - table[column].mean()) / table[column].std()
    return table


class Weather(Dataset):
    columns = ["temp", "pressure", "sun"]

    def __init__(self, table, first, last):
        part = table[(table.hour >= first) & (table.hour < last)]
        x, y = [], []
        for _, rows in part.groupby("station"):
            values = rows[self.columns].to_numpy("float32")
            for start in range(len(values) - HOURS):
                x.append(values[start:start + HOURS])
                y.append(values[start + HOURS, 0])
        self.x, self.y = torch.from_numpy(np.stack(x)), torch.tensor(np.array(y))

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Forecast(nn.Module):
    def __init__(self, hidden=20):
        super().__init__()
        self.gru = nn.GRU(3, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.fc(self.gru(x)[0][:, -1]).squeeze(1)


def main(epochs=10):
    torch.manual_seed(44)
    table = measure(3, 420, np.random.default_rng(seed=44))
    train, val = Weather(table, 0, 280), Weather(table, 280, 420)
    loader = DataLoader(train, batch_size=32, shuffle=True)
    val_x, val_y = map(torch.stack, zip(*[val[i] for i in range(len(val))]))
    model, mse = Forecast(), nn.MSELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    begin = time.process_time()
    for epoch in range(epochs):
        for x, y in loader:
            loss = mse(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        with torch.no_grad():
            val_loss = mse(model(val_x), val_y).item()
        print(f"epoch {epoch + 1} val loss {val_loss:.4f}")
    print(f"final: val loss {val_loss:.4f}, {time.process_time() - begin:.1f} s of CPU time for training")


if __name__ == "__main__":
    main()
