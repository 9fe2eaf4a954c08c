import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(8)
rng = np.random.default_rng(8)
HOURS, WINDOW = 4200, 24

hour = np.arange(HOURS)
weather = np.zeros(HOURS)
for t in range(1, HOURS):
    weather[t] = 0.95 * weather[t - 1] + 0.31 * rng.normal()
inflow = np.exp(0.8 * weather + 0.5 * np.sin(2 * np.pi * hour / 24)) + 0.1 * rng.normal(size=HOURS)
cut = 3300
level = (inflow - inflow[:cut].mean()) / inflow[:cut].std()
rain = (weather - weather[:cut].mean()) / weather[:cut].std()
clock = np.stack([np.sin(2 * np.pi * hour / 24), np.cos(2 * np.pi * hour / 24)], 1)
table = np.column_stack([level, rain, clock]).astype(np.float32)


def windows(start, stop):
    x = np.stack([table[i - WINDOW:i] for i in range(start + WINDOW, stop)])
    y = level[start + WINDOW:stop].astype(np.float32)
    return TensorDataset(torch.from_numpy(x), torch.from_numpy(y).unsqueeze(1))


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm1 = nn.LSTM(4, hidden, batch_first=True)
        self.lstm2 = nn.LSTM(hidden, 1, batch_first=True)

    def forward(self, x):
        x, _ = self.lstm1(x)
        x, _ = self.lstm2(x)
        return x[:, -1]


train_loader = DataLoader(windows(0, cut), batch_size=64, shuffle=True)
val_loader = DataLoader(windows(cut, HOURS), batch_size=256)
model = Forecaster()
epochs = 10
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
mse = nn.MSELoss()
for epoch in range(epochs):
    model.train()
    seen = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = mse(model(xb), yb)
        loss.backward()
        optimizer.step()
        seen += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        pairs = [(model(xb), yb) for xb, yb in val_loader]
    pred, true = (torch.cat(part) for part in zip(*pairs))
    val_loss = mse(pred, true).item()
    print(f"epoch {epoch + 1}: train loss {seen / len(train_loader.dataset):.4f}, val loss {val_loss:.4f}, highest forecast {pred.max():.2f} (highest level {true.max():.2f})")
print(f"final: val loss {val_loss:.4f}, r2 {1 - val_loss / true.var().item():.3f}")
