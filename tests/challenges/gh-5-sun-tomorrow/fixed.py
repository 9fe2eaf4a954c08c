# %% [markdown]
# Global horizontal irradiance of the next six hours from a day of station records

# %%
import math
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
rng = np.random.default_rng(21)


# %%
def station(days):
    hours = np.arange(days * 24)
    elevation = np.sin(2 * np.pi * (hours % 24 - 6) / 24) * (0.75 + 0.2 * np.sin(2 * np.pi * hours / (24 * 365)))
    cloud = np.zeros(len(hours))
    for t in range(1, len(hours)):
        cloud[t] = 0.93 * cloud[t - 1] + 0.3 * rng.normal()
    cover = 1 / (1 + np.exp(-cloud))
    ghi = 1050 * np.clip(elevation, 0, None) * (1 - 0.75 * cover) + rng.normal(0, 8, len(hours)) * (elevation > 0)
    humidity = 40 + 35 * cover - 10 * elevation + rng.normal(0, 4, len(hours))
    temperature = 14 + 8 * np.roll(elevation, 2) - 4 * cover + rng.normal(0, 1, len(hours))
    pressure = 1013 - 6 * cloud + rng.normal(0, 1.5, len(hours))
    return np.stack([ghi, elevation, humidity, temperature, pressure], 1)


records = station(400)
SPLIT = 300 * 24
mean, std = records[:SPLIT].mean(0), records[:SPLIT].std(0)
inputs = (records - mean) / std
target = (records[:, 0] - mean[0]) / std[0]


def windows(start, stop, stride):
    x, y = [], []
    for t in range(start + 24, stop - 6, stride):
        x.append(inputs[t - 24:t])
        y.append(target[t:t + 6])
    return torch.tensor(np.array(x), dtype=torch.float32), torch.tensor(np.array(y), dtype=torch.float32)


train_x, train_y = windows(0, SPLIT, 5)
val_x, val_y = windows(SPLIT, len(records), 5)
train_loader = DataLoader(TensorDataset(train_x, train_y), batch_size=32, shuffle=True)


# %%
class IrradianceTransformer(nn.Module):
    def __init__(self, features=5, dim=32, heads=4, horizon=6):
        super().__init__()
        self.embed = nn.Linear(features, dim)
        self.position = nn.Parameter(torch.randn(24, dim) / math.sqrt(dim))
        layer = nn.TransformerEncoderLayer(dim, heads, dim_feedforward=64, dropout=0.1, batch_first=True, norm_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, horizon)

    def forward(self, x):
        h = self.encoder(self.embed(x) + self.position)
        return self.head(self.norm(h[:, -1]))


EPOCHS = 18
model = IrradianceTransformer()
criterion = nn.MSELoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=EPOCHS)

# %%
for epoch in range(1, EPOCHS + 1):
    model.train()
    seen = 0.0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimizer.step()
        seen += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        forecast = model(val_x)
        val_loss = criterion(forecast, val_y).item()
        r2 = 1 - val_loss / val_y.var().item()
    print(f"epoch {epoch} train loss {seen / len(train_x):.5g} val loss {val_loss:.5g} r2 {r2:.3f}")
