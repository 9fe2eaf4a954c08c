import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split


def compounds(n=6000, bits=96, seed=12):
    """fingerprints; a compound is active when it has enough of one group and not the blocking one"""
    rng = np.random.default_rng(seed)
    x = (rng.random((n, bits)) < 0.3).astype(np.float32)
    score = x[:, :12].sum(1) - 2.5 * x[:, 20:26].max(1) * x[:, 26:32].max(1) + x[:, 40:46].sum(1)
    score = score + rng.normal(0, 0.5, n)
    active = (score > np.median(score)).astype(np.float32)
    return x, active


class HingeLoss:
    def __call__(self, output, labels):
        return torch.clamp(1 - labels * output, min=0).mean()


torch.manual_seed(9)
epochs = 15
X, active = compounds()
labels = 2 * active - 1
x_train, x_val, y_train, y_val, _, act_val = train_test_split(X, labels, active, test_size=0.25, random_state=3)
x_train, x_val = torch.tensor(x_train) - 0.3, torch.tensor(x_val) - 0.3
y_train, y_val, act_val = torch.tensor(y_train), torch.tensor(y_val), torch.tensor(act_val)

model = nn.Sequential(nn.Linear(96, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, 1))
criterion = HingeLoss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    model.train()
    running = 0.0
    for idx in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]).squeeze(1), y_train[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx)
    schedule.step()
    model.eval()
    with torch.no_grad():
        score = model(x_val).squeeze(1)
        val_loss = criterion(score, y_val).item()
        called = (score > 0).float()
    print(f"epoch {epoch + 1}: train loss {running / len(x_train):.4f}, val loss {val_loss:.4f}, "
          f"called active {called.mean().item():.3f}, accuracy {(called == act_val).float().mean().item():.3f}")
print(f"final: accuracy {(called == act_val).float().mean().item():.3f}, really active {act_val.mean().item():.3f}")
