import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(26)
BATCH = 2
EPOCHS = 10


def echoes(n):
    """A pulse comes back weakened by the depth it has travelled; the target is the standardised depth."""
    depth = torch.rand(n, 1)
    t = torch.linspace(0, 1, 64)
    signal = (1.6 - depth) * torch.exp(-((t - 0.15 - 0.7 * depth) / 0.06) ** 2)
    target = (depth - 0.5) / 0.29 + 0.1 * torch.randn(n, 1)
    return (signal + 0.1 * torch.randn(n, 64)).unsqueeze(1), target


class DepthNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 5, stride=2, padding=2), nn.BatchNorm1d(16), nn.ReLU(),
            nn.Conv1d(16, 32, 5, stride=4, padding=2), nn.BatchNorm1d(32), nn.ReLU(), nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Linear(256, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 1))

    def forward(self, x):
        return self.head(self.features(x))


x, y = echoes(1400)
loader = DataLoader(TensorDataset(x[:1000], y[:1000]), batch_size=BATCH, shuffle=True, drop_last=True)
val_x, val_y = x[1000:], y[1000:]
model = DepthNet()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 3, gamma=0.3)
criterion = nn.MSELoss()
for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        p = model(val_x)
        val = criterion(p, val_y).item()
        r2 = 1 - val / val_y.var().item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} r2 {r2:.3f}")
