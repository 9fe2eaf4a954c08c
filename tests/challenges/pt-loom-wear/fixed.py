import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

LOOMS, WINDOW, STRIDE = 200, 64, 8
EPOCHS = 7
torch.manual_seed(33)
rng = np.random.default_rng(33)


def record(n, length=216):
    """Vibration of power looms and the hours until the shuttle box had to be replaced (in units of 100 h)."""
    hours = rng.uniform(0, 4, n)
    t = np.arange(length)[None]
    beat, hum = rng.uniform(9, 14, (n, 1)), rng.uniform(3, 5, (n, 1))
    level = rng.uniform(0.3, 1.0, (n, 1))
    knock = 0.3 + 0.1 * hours[:, None] + 0.05 * rng.standard_normal((n, 1))
    wave = np.maximum(np.sin(2 * np.pi * t / beat), 0) ** 4 * 1.5 + np.maximum(np.sin(2 * np.pi * (t / beat - knock)), 0) ** 8
    wave = wave + 0.5 * level * np.sin(2 * np.pi * t / hum) + 0.15 * rng.standard_normal((n, length))
    return wave.astype(np.float32), hours.astype(np.float32)


def cut(waves, hours):
    starts = range(0, waves.shape[1] - WINDOW + 1, STRIDE)
    return (np.concatenate([waves[:, s:s + WINDOW] for s in starts]), np.tile(hours, len(starts)), np.tile(np.arange(len(waves)), len(starts)))


def dataset(x, y):
    return TensorDataset(torch.from_numpy(x).unsqueeze(1) - 0.4, torch.from_numpy(y).unsqueeze(1) - 2)


windows, hours, loom = cut(*record(LOOMS))
held = rng.permutation(LOOMS)[:50]
val_rows, train_rows = np.flatnonzero(np.isin(loom, held)), np.flatnonzero(~np.isin(loom, held))
train_loader = DataLoader(dataset(windows[train_rows], hours[train_rows]), batch_size=48, shuffle=True)
val_loader = DataLoader(dataset(windows[val_rows], hours[val_rows]), batch_size=200)
new_loader = DataLoader(dataset(*cut(*record(60))[:2]), batch_size=200)

net = nn.Sequential(
    nn.Conv1d(1, 32, 9, padding=4), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(32, 32, 9, padding=4), nn.ReLU(), nn.AdaptiveMaxPool1d(4),
    nn.Flatten(), nn.Linear(128, 96), nn.ReLU(), nn.Dropout(0.3), nn.Linear(96, 1),
)
optimizer = torch.optim.Adam(net.parameters(), lr=7e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
mse = nn.MSELoss()


def evaluate(loader):
    net.eval()
    with torch.no_grad():
        return sum(mse(net(x), y).item() * len(x) for x, y in loader) / len(loader.dataset)


for epoch in range(EPOCHS):
    net.train()
    train_loss = 0.0
    for x, y in train_loader:
        loss = mse(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {evaluate(val_loader):.4f}")
print(f"mean squared error on looms that were never recorded before: {evaluate(new_loader):.4f}")
