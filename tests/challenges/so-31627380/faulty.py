import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

np.random.seed(1919)
torch.manual_seed(1919)

batch_size = 8
EPOCHS = 14


def load(n):
    """passenger list: class, name, sex, age, relatives, ticket, fare, cabin, port; text columns coded by number"""
    rng = np.random.default_rng(5)
    pclass = rng.choice([1, 2, 3], n, p=[0.24, 0.21, 0.55])
    sex = (rng.random(n) < 0.64).astype(int)
    age = np.clip(rng.normal(38 - 5 * (pclass - 1), 13, n), 1, 78)
    sibsp = rng.poisson(0.5, n)
    parch = rng.poisson(0.4, n)
    fare = np.exp(rng.normal(4.3 - 0.8 * (pclass - 1), 0.5, n))
    name = rng.permutation(n)
    ticket = rng.integers(0, int(0.75 * n), n)
    cabin = np.where(rng.random(n) < 0.77, n // 6, rng.integers(0, n // 6, n))
    port = rng.choice(3, n, p=[0.19, 0.09, 0.72])
    score = 1.1 - 2.9 * sex + 1.0 * (2 - pclass) - 0.05 * (age - 30) - 0.4 * sibsp + 0.9 * sex * (age < 14)
    survived = rng.random(n) < 1 / (1 + np.exp(-1.6 * score))
    x = np.stack([pclass, name, sex, age, sibsp, parch, ticket, fare, cabin, port], axis=1)
    return x.astype(np.float32), survived.astype(np.int64)


X, Y = load(1600)
cut = int(0.8 * len(X))
train, val = X[:cut], X[cut:]
train_dl = DataLoader(TensorDataset(torch.tensor(train), torch.tensor(Y[:cut])), batch_size=batch_size, shuffle=True)
x_val, y_val = torch.tensor(val), torch.tensor(Y[cut:])

model = nn.Sequential(
    nn.Linear(X.shape[1], 512),
    nn.ReLU(),
    nn.Dropout(0.5),
    nn.Linear(512, 2),
)
optimizer = torch.optim.Adam(model.parameters(), weight_decay=1e-3)

for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for xb, yb in train_dl:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = F.cross_entropy(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1}/{EPOCHS} train loss {total / cut:.4f} val loss {val_loss:.4f} val acc {acc:.4f}")
