import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

N_SENSORS = 24
torch.manual_seed(17)
rng = np.random.default_rng(17)
mixing = rng.normal(0, 1, (3, N_SENSORS))
bend = rng.normal(0, 1, (3, N_SENSORS))


def pump(n):
    """24 sensors that follow from three settings of the pump: what they read, and what they would read without noise"""
    s = rng.normal(0, 1, (n, 3))
    clean = s @ mixing + np.tanh(s) @ bend
    return clean + rng.normal(0, 0.8, clean.shape), clean


readings, clean = pump(2500)
mean, std = readings[:2000].mean(0), readings[:2000].std(0)
readings, clean = (torch.tensor((a - mean) / std, dtype=torch.float32) for a in (readings, clean))
train_loader = DataLoader(TensorDataset(readings[:2000]), batch_size=50, shuffle=True)
x_val, clean_val = readings[2000:], clean[2000:]


class AutoEncoder(nn.Module):
    def __init__(self, n, hidden=64, code=32):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n, hidden), nn.ELU(), nn.Linear(hidden, code))
        self.decoder = nn.Sequential(nn.Linear(code, hidden), nn.ELU(), nn.Linear(hidden, n))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = AutoEncoder(N_SENSORS)
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
loss_fn = nn.MSELoss()
epochs = 25
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)

for epoch in range(epochs):
    model.train()
    total = 0.0
    for (xb,) in train_loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), xb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = loss_fn(out, x_val).item()
        distance = loss_fn(out, clean_val).item()
    print(f"epoch {epoch + 1} train loss {total / 2000:.5f} val loss {val_loss:.5f} distance to the noise-free readings {distance:.5f}")
print(f"raw readings: distance to the noise-free readings {loss_fn(x_val, clean_val).item():.5f}")
