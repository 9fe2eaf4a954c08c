import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

rng = np.random.RandomState(2)
t = np.arange(2600)
series = 20 + 6 * np.sin(2 * np.pi * t / 24) + 3 * np.sin(2 * np.pi * t / 60) + 1.2 * rng.randn(len(t))
cut = 2000
series = (series - series[:cut].mean()) / series[:cut].std()
WINDOW = 24


def windows(values):
    x = np.lib.stride_tricks.sliding_window_view(values, WINDOW + 1)
    return torch.tensor(x[:, :-1, None].copy(), dtype=torch.float32), torch.tensor(x[:, -1:].copy(), dtype=torch.float32)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, batch_first=True)
        self.linear = nn.Linear(hidden, 1)
        self.activation = nn.Sigmoid()

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.activation(self.linear(out[:, -1]))


torch.manual_seed(61)
train = DataLoader(TensorDataset(*windows(series[:cut])), batch_size=64, shuffle=True)
xv, yv = windows(series[cut:])
model = Forecaster()
mse = nn.MSELoss()
epochs = 20
opt = torch.optim.AdamW(model.parameters(), lr=6e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, epochs=epochs, steps_per_epoch=len(train))
for epoch in range(epochs):
    model.train()
    for xb, yb in train:
        opt.zero_grad()
        loss = mse(model(xb), yb)
        loss.backward()
        opt.step()
        sched.step()
    model.eval()
    with torch.no_grad():
        val = mse(model(xv), yv).item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f}")
print(f"final: val loss {val:.4f}")
