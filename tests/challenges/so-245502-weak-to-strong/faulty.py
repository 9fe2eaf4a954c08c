import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

seed = 17
rng = np.random.default_rng(seed)
torch.manual_seed(seed)


def concrete_report(n):
    """One row per test cube: cement, slag, water, plasticiser, gravel, sand, age; strength in the last column."""
    cement, slag = rng.uniform(150, 500, n), rng.uniform(0, 200, n)
    water, plasticiser = rng.uniform(130, 230, n), rng.uniform(0, 20, n)
    gravel, sand = rng.uniform(800, 1100, n), rng.uniform(600, 950, n)
    age = rng.choice([3, 7, 14, 28, 56, 90], n)
    binder = cement + 0.6 * slag
    strength = 22 * (binder / water) * (0.35 + 0.16 * np.log(age)) + 0.4 * plasticiser - 0.012 * (sand - 775)
    strength += rng.normal(0, 2.5, n)
    table = np.column_stack([cement, slag, water, plasticiser, gravel, sand, np.log(age), strength])
    return table[np.argsort(table[:, -1])]


table = concrete_report(2500)
table = (table - table.mean(0)) / table.std(0)
data = torch.tensor(table, dtype=torch.float32)
held_out = torch.zeros(len(data), dtype=torch.bool)
held_out[::5] = True
train_data = TensorDataset(data[~held_out, :-1], data[~held_out, -1])
x_val, y_val = data[held_out, :-1], data[held_out, -1]
loader = DataLoader(train_data, batch_size=32)

model = nn.Sequential(
    nn.Linear(7, 64), nn.SiLU(),
    nn.Linear(64, 32), nn.SiLU(),
    nn.Linear(32, 1), nn.Flatten(0),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
mse = nn.MSELoss()
epochs = 30
schedule = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs + 2, power=1.0)

for epoch in range(epochs):
    losses = []
    for x, y in loader:
        loss = mse(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    with torch.no_grad():
        out = model(x_val)
        val_loss = mse(out, y_val).item()
    print(f"epoch {epoch + 1:2d}: train loss {np.mean(losses):.4f}  val loss {val_loss:.4f}  r2 {1 - val_loss / y_val.var().item():.4f}")
