import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(25)
epochs = 25


def sensor(n, seed):
    """a calibration curve whose noise grows with the reading"""
    rng = np.random.RandomState(seed)
    x = rng.uniform(0, 3, (n, 2))
    sigma = 0.02 + 0.05 * x[:, 0]
    y = 0.5 * np.sin(2 * x[:, 0]) + 0.2 * x[:, 1] ** 2 - 0.6 + sigma * rng.normal(size=n)
    return torch.tensor(x - 1.5, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class MeanAndVariance(nn.Module):
    def __init__(self, hidden=48):
        super().__init__()
        self.trunk = nn.Sequential(nn.Linear(2, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.mean = nn.Linear(hidden, 1)
        self.log_var = nn.Linear(hidden, 1)

    def forward(self, x):
        h = self.trunk(x)
        return self.mean(h).squeeze(1), self.log_var(h).squeeze(1).clamp(-9, 3).exp()


x, y = sensor(5000, 1)
xv, yv = sensor(1500, 2)
loader = DataLoader(TensorDataset(x, y), batch_size=100, shuffle=True)
model = MeanAndVariance()
criterion = nn.GaussianNLLLoss()
optimizer = torch.optim.RAdam(model.parameters(), lr=5e-3)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs, power=2.0)
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for xb, yb in loader:
        mean, var = model(xb)
        loss = criterion(mean, yb, var)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() / len(loader)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        mean, var = model(xv)
        nll = criterion(mean, yv, var).item()
        inside = ((yv - mean).abs() < 1.645 * var.sqrt()).float().mean().item()
    print(f"epoch {epoch} | train loss {total:.4f} | val loss {nll:.4f} | inside the 90 % band {inside:.3f}")
