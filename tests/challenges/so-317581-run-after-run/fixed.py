import numpy as np
import torch
from torch import nn
from torch.utils.data import ConcatDataset, DataLoader, Dataset

SEED = 3
EPOCHS = 12
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


class TestRun(Dataset):
    """One run on the engine bench at one load point: windows of three sensors and the soot measured at their end."""

    def __init__(self, load, windows, steps=20):
        t = np.arange(steps)
        speed = rng.uniform(0, 1, (windows, 1)) + 0.15 * np.sin(t / 3 + rng.uniform(0, 6.28, (windows, 1)))
        pedal = load + 0.1 * np.cumsum(rng.standard_normal((windows, steps)), 1) / np.sqrt(steps)
        temperature = 0.7 * pedal - 0.4 * speed + 0.1 * rng.standard_normal((windows, steps))
        soot = np.sin(4 * pedal[:, -8:].mean(1)) * (0.5 + speed.mean(1)) + 0.6 * pedal[:, -1] * speed[:, -1]
        self.x = torch.tensor(np.stack([speed, pedal, temperature], 2), dtype=torch.float32)
        self.y = torch.tensor(soot + 0.3 * rng.standard_normal(windows), dtype=torch.float32)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


LOADS = np.linspace(-1, 1, 8)
train_data = ConcatDataset([TestRun(load, 300) for load in LOADS])
val_data = ConcatDataset([TestRun(load, 60) for load in LOADS])
train_loader = DataLoader(train_data, batch_size=30, shuffle=True)
val_loader = DataLoader(val_data, batch_size=240)


class SootModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 32, batch_first=True)
        self.out = nn.Sequential(nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 1))

    def forward(self, x):
        _, (h, _) = self.lstm(x)
        return self.out(h[-1]).squeeze(1)


model = SootModel()
optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.75)
criterion = nn.MSELoss()
for epoch in range(EPOCHS):
    train_loss = []
    model.train()
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        train_loss.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        pairs = [(model(x), y) for x, y in val_loader]
    predicted, measured = torch.cat([p for p, _ in pairs]), torch.cat([y for _, y in pairs])
    val_loss = criterion(predicted, measured).item()
    print(f"epoch {epoch + 1} train loss {np.mean(train_loss):.4f} val loss {val_loss:.4f} "
          f"correlation {np.corrcoef(predicted, measured)[0, 1]:.3f}")
