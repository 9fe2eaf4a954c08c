import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

PORTS = 300
EPOCHS = 15


def gauges(n, rng, port):
    """Surge at a port from wind, pressure and moon; every port has its own exposure and datum."""
    k = rng.integers(0, PORTS, n)
    wind, angle, pressure, moon = rng.gamma(2, 0.5, n), rng.uniform(0, 2 * np.pi, n), rng.normal(0, 1, n), rng.uniform(0, 2 * np.pi, n)
    surge = port["datum"][k] + port["gain"][k] * wind * np.cos(angle - port["facing"][k]) - 0.4 * pressure + 0.3 * np.cos(2 * moon)
    x = np.stack([wind * np.cos(angle), wind * np.sin(angle), pressure, np.cos(moon), np.sin(moon)], 1)
    return TensorDataset(torch.tensor(k), torch.tensor(x, dtype=torch.float32), torch.tensor(surge + 0.25 * rng.standard_normal(n), dtype=torch.float32))


class Surge(nn.Module):
    def __init__(self, dim=6):
        super().__init__()
        self.port = nn.Embedding(PORTS, dim, sparse=True)
        nn.init.normal_(self.port.weight, std=0.1)
        self.trunk = nn.Sequential(nn.Linear(dim + 5, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU())
        self.head = nn.Linear(64, 1)

    def forward(self, k, x):
        return self.head(self.trunk(torch.cat([self.port(k), x], 1))).squeeze(1)


torch.manual_seed(15)
rng = np.random.default_rng(15)
port = dict(datum=rng.normal(0, 0.5, PORTS), gain=rng.uniform(0.2, 1.2, PORTS), facing=rng.uniform(0, 2 * np.pi, PORTS))
train = DataLoader(gauges(12000, rng, port), batch_size=150, shuffle=True)
val = DataLoader(gauges(3000, rng, port), batch_size=1000)

model = Surge()
sparse = torch.optim.SparseAdam(model.port.parameters(), lr=1e-2)
dense = torch.optim.AdamW([
    {"params": [p for p in model.trunk.parameters() if p.dim() > 1], "weight_decay": 0.05},
    {"params": [p for p in model.trunk.parameters() if p.dim() == 1], "weight_decay": 0.0},
    {"params": model.head.parameters(), "lr": 1e-3, "weight_decay": 0.0},
], lr=3e-3)
schedulers = [torch.optim.lr_scheduler.CosineAnnealingLR(o, EPOCHS) for o in (sparse, dense)]
mse = nn.MSELoss()

for epoch in range(1, EPOCHS + 1):
    model.train()
    train_loss = 0.0
    for k, x, y in train:
        loss = mse(model(k, x), y)
        for o in (sparse, dense):
            o.zero_grad()
        loss.backward()
        for o in (sparse, dense):
            o.step()
        train_loss += loss.item() / len(train)
    for s in schedulers:
        s.step()
    model.eval()
    with torch.no_grad():
        val_loss = sum(mse(model(k, x), y).item() for k, x, y in val) / len(val)
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} rmse {val_loss ** 0.5:.3f} m (noise 0.25)")
