import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


def station(hours, seed):
    """pressure (Pa), temperature (K), humidity (%), wind direction (deg) and the next hours' temperature change"""
    rng = np.random.default_rng(seed)
    t = np.arange(hours)
    front = np.convolve(rng.normal(0, 1, hours + 47), np.hanning(48) / 4, mode="valid")
    daily = np.sin(2 * np.pi * t / 24)
    pressure = 101325 + 600 * front + rng.normal(0, 30, hours)
    temperature = 288 + 5 * daily - 1.5 * np.roll(front, 6) + rng.normal(0, 0.2, hours)
    humidity = 65 - 12 * daily + 6 * front + rng.normal(0, 2, hours)
    wind = (200 + 40 * front + rng.normal(0, 15, hours)) % 360
    return np.stack([pressure, temperature, humidity, wind], axis=1)


class Windows(Dataset):
    def __init__(self, table, target, length=24, ahead=6):
        self.table = torch.tensor(table, dtype=torch.float32)
        self.target = torch.tensor(target, dtype=torch.float32)
        self.length, self.ahead = length, ahead

    def __len__(self):
        return len(self.table) - self.length - self.ahead

    def __getitem__(self, i):
        end = i + self.length
        return self.table[i:end], self.target[end + self.ahead - 1:end + self.ahead]


class Forecaster(nn.Module):
    def __init__(self, n_in=4, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(n_in, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.head(h[-1])


torch.manual_seed(2)
table = station(3000, seed=2)
temperature = table[:, 1]
target = (temperature - temperature[:2400].mean()) / temperature[:2400].std()
table = (table - table[:2400].mean(0)) / table[:2400].std(0)
train = DataLoader(Windows(table[:2400], target[:2400]), batch_size=64, shuffle=True)
val = DataLoader(Windows(table[2400:], target[2400:]), batch_size=256)

model = Forecaster()
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
mse = nn.MSELoss()
EPOCHS = 15
for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for x, y in train:
        opt.zero_grad()
        loss = mse(model(x), y)
        loss.backward()
        opt.step()
        train_loss += loss.item() * len(x)
    model.eval()
    preds, truth = [], []
    with torch.no_grad():
        for x, y in val:
            preds.append(model(x))
            truth.append(y)
    preds, truth = torch.cat(preds), torch.cat(truth)
    val_loss = mse(preds, truth).item()
    print(f"epoch {epoch + 1:2d} | train loss {train_loss / len(train.dataset):.4f} | val loss {val_loss:.4f} | "
          f"r2 {1 - val_loss / truth.var().item():.3f} | spread of the predictions {preds.std().item():.3f}")
