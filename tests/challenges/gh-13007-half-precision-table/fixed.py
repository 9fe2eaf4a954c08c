import numpy as np
import torch
from torch import nn

seed = 8
EPOCHS = 30
rng = np.random.default_rng(seed)
torch.manual_seed(seed)

# ---- load table -------------------------------------------------------------
n = 2500
households = rng.lognormal(9.2, 0.9, n)            # per municipality
income = rng.normal(31000, 6000, n)                # euros
area = rng.lognormal(3.6, 0.7, n)                  # square kilometres
age = rng.normal(44, 5, n)
cars = rng.normal(1.2, 0.25, n)
demand = (0.8 * np.log(households) - 0.3 * np.log(area) + 0.00004 * income
          + 0.5 * cars - 0.02 * age + 0.3 * rng.standard_normal(n))
table = np.column_stack([households, income, area, age, cars, np.log(households / area)])
table = table.astype(np.float32)

# ---- scale ------------------------------------------------------------------
train, test = slice(0, 2000), slice(2000, n)
mu = table[train].mean(axis=0)
sigma = table[train].std(axis=0)
features = ((table - mu) / sigma).astype(np.float32)
target = ((demand - demand[train].mean()) / demand[train].std()).astype(np.float32)

X = torch.from_numpy(features)
Y = torch.from_numpy(target)[:, None]

# ---- model ------------------------------------------------------------------
model = nn.Sequential(nn.Linear(6, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.03)
huber = nn.HuberLoss()

for epoch in range(EPOCHS):
    total = 0.0
    batches = torch.randperm(2000).split(40)
    for b in batches:
        optimizer.zero_grad()
        loss = huber(model(X[b]), Y[b])
        loss.backward()
        optimizer.step()
        total += loss.item()
    with torch.no_grad():
        pred = model(X[test])
        val = huber(pred, Y[test]).item()
        r2 = 1 - ((pred - Y[test]) ** 2).mean() / Y[test].var()
    print(f"epoch {epoch + 1} train loss {total / len(batches):.4f} val loss {val:.4f} r2 {r2.item():.3f}")
