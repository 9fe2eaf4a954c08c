# %% houses
import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(seed=10)
torch.manual_seed(10)
n = 3000
area = rng.gamma(8, 15, n)
age = rng.uniform(0, 80, n)
rooms = np.round(area / 30 + rng.normal(0, 0.8, n)).clip(1)
distance = rng.exponential(6, n)
income = rng.normal(45, 12, n)
price = 60000 + 1400 * area * np.exp(-distance / 15) + 2200 * (income - 45) - 900 * age + 9 * age ** 2
price = price * np.exp(rng.normal(0, 0.12, n))
table = np.stack([area, age, rooms, distance, income], 1)

# %% split and scale
X = torch.tensor((table - table[:2200].mean(0)) / table[:2200].std(0), dtype=torch.float32)
y = torch.tensor(price, dtype=torch.float32).unsqueeze(1)
X_train, X_val, y_train, y_val = X[:2200], X[2200:], y[:2200], y[2200:]
y_mean, y_std = y_train.mean(), y_train.std()
y_train, y_val = (y_train - y_mean) / y_std, (y_val - y_mean) / y_std

# %% network
net = nn.Sequential(nn.Linear(5, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1))
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=0.003)
epochs = 20
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

# %% training
for epoch in range(epochs):
    net.train()
    order = torch.randperm(len(X_train))
    for k in range(0, len(order), 40):
        batch = order[k:k + 40]
        optimizer.zero_grad()
        loss = criterion(net(X_train[batch]), y_train[batch])
        loss.backward()
        optimizer.step()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        val_loss = criterion(net(X_val), y_val).item()
    print(f"epoch {epoch + 1:3d}   loss {loss.item():.5g}   val loss {val_loss:.5g}")

# %% in dollars
with torch.no_grad():
    error = ((net(X_val) - y_val) * y_std).abs().mean().item()
    r2 = 1 - val_loss / y_val.var(unbiased=False).item()
print(f"final: mean error {error:.0f} dollars, R2 {r2:.3f}")
