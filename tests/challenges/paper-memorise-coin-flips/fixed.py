import numpy as np
import torch
from torch import nn

torch.manual_seed(5)
rng = np.random.default_rng(seed=5)


def patients(n):
    x = rng.normal(size=(n, 20)).astype("float32")
    risk = 1.2 * x[:, 0] - 0.9 * x[:, 3] + 0.7 * x[:, 11]
    y = (rng.random(n) < 1 / (1 + np.exp(-risk))).astype("int64")
    return torch.from_numpy(x), torch.from_numpy(y)


x_train, y_train = patients(600)
x_val, y_val = patients(2000)

model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.1)
criterion = nn.CrossEntropyLoss()
epochs = 30
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    model.train()
    order = torch.randperm(len(x_train))
    total = 0.0
    for i in range(0, len(order), 40):
        idx = order[i:i + 40]
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, y_val).item()
        val_acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} train loss {total / len(order):.4f} val loss {val_loss:.4f} val accuracy {val_acc:.3f}")
print(f"final: val loss {val_loss:.3f}, val accuracy {val_acc:.3f}")
