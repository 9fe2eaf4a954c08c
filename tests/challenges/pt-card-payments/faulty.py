import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(6)
rng = np.random.default_rng(6)
EPOCHS = 12


def payments(n):
    """Twelve numbers about a card payment and whether it was a fraud."""
    fraud = rng.random(n) < 0.02
    x = rng.normal(size=(n, 12))
    x[:, 3] = rng.normal(size=n) + 0.5 * x[:, 0]
    x[fraud, 1] += 1.3
    x[fraud, 4] -= 1.0
    x[fraud, 7] += 1.2 * np.sign(x[fraud, 3])
    return torch.tensor(x, dtype=torch.float32), torch.tensor(fraud, dtype=torch.long)


x_train, y_train = payments(9000)
x_val, y_val = payments(6000)
train_set = TensorDataset(x_train, y_train)
counts = torch.bincount(y_train)
print("payments:", counts.tolist())
train_loader = DataLoader(train_set, batch_size=100, shuffle=True)

model = nn.Sequential(nn.Linear(12, 8), nn.Tanh(), nn.Linear(8, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
criterion = nn.CrossEntropyLoss()
for epoch in range(EPOCHS):
    total, seen = 0.0, 0
    for xb, yb in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(xb)
        seen += len(xb)
    with torch.no_grad():
        logits = model(x_val)
        val_loss = criterion(logits, y_val).item()
        pred = logits.argmax(1)
    accuracy = (pred == y_val).float().mean().item()
    recall = pred[y_val == 1].float().mean().item()
    honest = 1 - pred[y_val == 0].float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / seen:.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f} "
          f"frauds found {recall:.3f} balanced accuracy {(recall + honest) / 2:.3f}")
