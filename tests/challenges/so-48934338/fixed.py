# %% data points
import numpy as np
import torch
from torch import nn, optim

np.random.seed(7)
torch.manual_seed(7)

X = np.linspace(0.0, 5.0, 400, dtype="float32").reshape(-1, 1)
y = 5 * np.power(X, 2) + np.power(1.6 * np.random.randn(400).reshape(-1, 1), 3)
y = (y - y.mean()) / y.std()
held = np.arange(400) % 4 == 1
X_train, y_train = torch.tensor(X[~held]), torch.tensor(y[~held], dtype=torch.float32)
X_val, y_val = torch.tensor(X[held]), torch.tensor(y[held], dtype=torch.float32)

# %% model
model = nn.Sequential(
    nn.Linear(1, 50),
    nn.ReLU(),
    nn.Linear(50, 30),
    nn.ReLU(),
    nn.Linear(30, 1),
)

# %% training
sgd = optim.SGD(model.parameters(), lr=0.02)
mse = nn.MSELoss()
epochs = 100
fade = optim.lr_scheduler.CosineAnnealingLR(sgd, epochs)
for epoch in range(epochs):
    perm = torch.randperm(len(X_train))
    running = 0.0
    for b in range(0, len(perm), 32):
        rows = perm[b:b + 32]
        sgd.zero_grad()
        loss = mse(model(X_train[rows]), y_train[rows])
        loss.backward()
        sgd.step()
        running += loss.item() * len(rows)
    fade.step()
    with torch.no_grad():
        predictions = model(X_val)
        val = mse(predictions, y_val).item()
        far = (predictions - y_val).abs().mean().item()
    print(f"epoch {epoch + 1:3d} train loss {running / len(perm):.3f} val loss {val:.3f} mean error {far:.3f}")

# %% a few predictions
print(torch.cat([X_val, y_val, model(X_val).detach()], dim=1)[::20])
