import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(21)
rng = np.random.RandomState(21)


def spectra(n):
    """absorption spectra of a solution and the concentration (ppm) of the dissolved salt"""
    ppm = rng.uniform(2000, 48000, n)
    other = rng.uniform(0, 1, n)
    grid = np.linspace(0, 1, 80)
    band = np.exp(-((grid - 0.35) ** 2) / 0.004)
    second = np.exp(-((grid - 0.5) ** 2) / 0.01)
    shift = rng.normal(0, 0.01, (n, 1))
    salt = np.exp(-((grid[None] - 0.38 - shift) ** 2) / 0.003)
    strength = 1 - np.exp(-ppm / 30000)
    x = strength[:, None] * (salt + 0.3 * band) + other[:, None] * second + rng.normal(0, 0.03, (n, 80))
    measured = ppm + rng.normal(0, 1500, n)
    return x, measured[:, None]


x, ppm = spectra(2000)
x = (x - x[:1500].mean()) / x[:1500].std()
x = torch.tensor(x, dtype=torch.float32).unsqueeze(1)
ppm = torch.tensor(ppm, dtype=torch.float32)
train_loader = DataLoader(TensorDataset(x[:1500], ppm[:1500]), batch_size=50, shuffle=True)
x_val, ppm_val = x[1500:], ppm[1500:]

model = nn.Sequential(
    nn.Conv1d(1, 16, 7, stride=2), nn.ReLU(),
    nn.Conv1d(16, 32, 5, stride=2), nn.ReLU(),
    nn.AdaptiveAvgPool1d(8), nn.Flatten(),
    nn.Linear(256, 32), nn.ReLU(),
    nn.Linear(32, 1),
)
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
loss_fn = nn.MSELoss()
epochs = 25
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    model.train()
    losses = []
    for xb, yb in train_loader:
        loss = loss_fn(model(xb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val = loss_fn(out, ppm_val).item()
        r2 = 1 - val / ppm_val.var(unbiased=False).item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.5g} val loss {val:.5g} r2 {r2:.4f}")
