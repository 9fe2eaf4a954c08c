import numpy as np
import torch
from torch import nn

seed = 5
torch.manual_seed(seed)
rng = np.random.default_rng(seed)


def pipes(n):
    """Pipes of a water network and whether they leaked within the year: one in twelve does."""
    age, pressure, diameter, depth = rng.uniform(0, 80, n), rng.normal(5, 1.2, n), rng.choice([80, 100, 150, 200], n), rng.normal(1.5, 0.3, n)
    iron = rng.random(n) < 0.45
    score = -5.2 + 0.0006 * age ** 2 + 0.5 * np.abs(pressure - 4.5) + 0.9 * iron - 0.006 * (diameter - 130)
    leak = rng.random(n) < 1 / (1 + np.exp(-score))
    return np.column_stack([age, pressure, diameter, depth, iron]), leak


class Additive(nn.Module):
    """One small network per column; their sum is the log-odds, so that each effect can be drawn."""

    def __init__(self, columns, base_rate, width=12):
        super().__init__()
        self.effects = nn.ModuleList(
            nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, 1, bias=False)) for _ in range(columns))
        self.offset = nn.Parameter(torch.logit(base_rate))

    def forward(self, x):
        return self.offset + sum(f(x[:, i:i + 1]) for i, f in enumerate(self.effects)).squeeze(1)


table, leak = pipes(16000)
table = (table - table[:12000].mean(0)) / table[:12000].std(0)
x, y = torch.tensor(table, dtype=torch.float32), torch.tensor(leak, dtype=torch.float32)
x_train, y_train, x_val, y_val = x[:12000], y[:12000], x[12000:], y[12000:]

model = Additive(5, y_train.mean())
optimizer = torch.optim.Rprop(model.parameters(), lr=0.001, step_sizes=(1e-6, 0.05))
criterion = nn.BCEWithLogitsLoss()
rate = y_val.mean()
base = -(rate * rate.log() + (1 - rate) * (1 - rate).log()).item()
EPOCHS = 60
for epoch in range(EPOCHS):
    optimizer.zero_grad()
    loss = criterion(model(x_train), y_train)
    loss.backward()
    optimizer.step()
    with torch.no_grad():
        logits = model(x_val)
    val_loss = criterion(logits, y_val).item()
    p = logits.sigmoid()
    top = y_val[p.argsort(descending=True)[:400]].mean().item()
    print(f"epoch {epoch + 1} train loss {loss.item():.5f} val loss {val_loss:.5f} base rate {base:.5f} "
          f"expected {p.sum().item():.0f} leaks of {int(y_val.sum())}, top tenth {top:.3f}")
