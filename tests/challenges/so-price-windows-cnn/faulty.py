import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
rng = np.random.default_rng(4)


def windows(n, length=20):
    """open, high, low, close of `length` days and whether the trend of the window is up"""
    up = rng.random(n) < 0.6
    drift = np.where(up, 0.08, -0.08)[:, None]
    close = np.cumsum(drift + rng.normal(0, 0.5, (n, length)), axis=1)
    open_ = close - rng.normal(0, 0.3, (n, length)) - drift
    high = np.maximum(open_, close) + rng.gamma(2.0, 0.15, (n, length))
    low = np.minimum(open_, close) - rng.gamma(2.0, 0.15, (n, length))
    x = np.stack([open_, high, low, close], axis=1)
    x = (x - x.mean()) / x.std()
    return torch.tensor(x, dtype=torch.float32), torch.tensor(up, dtype=torch.float32).unsqueeze(1)


X_train, y_train = windows(4000)
X_test, y_test = windows(970)
loader = DataLoader(TensorDataset(X_train, y_train), batch_size=128, shuffle=True)

model = nn.Sequential(
    nn.Conv1d(4, 16, 4), nn.BatchNorm1d(16), nn.LeakyReLU(), nn.Dropout(0.2),
    nn.Conv1d(16, 8, 4), nn.BatchNorm1d(8), nn.LeakyReLU(), nn.Dropout(0.2),
    nn.Flatten(),
    nn.Linear(8 * 14, 64), nn.BatchNorm1d(64), nn.LeakyReLU(),
    nn.Linear(64, 1),
    nn.Softmax(dim=1),
)
optimizer = torch.optim.Adam(model.parameters(), lr=0.001, weight_decay=1e-3)
criterion = nn.BCELoss()

epochs = 20
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        p = model(X_test)
        val_loss = criterion(p, y_test).item()
        acc = ((p > 0.5).float() == y_test).float().mean().item()
    print(f"epoch {epoch} train loss {total / len(X_train):.4f} val loss {val_loss:.4f} val accuracy {acc:.4f}")

predicted = (p > 0.5).long()
for t in (0, 1):
    print("true", t, "predicted 0/1:", [int(((y_test == t) & (predicted == k)).sum()) for k in (0, 1)])
