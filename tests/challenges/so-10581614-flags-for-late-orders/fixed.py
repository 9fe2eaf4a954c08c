import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(12)
np.random.seed(12)
EPOCHS = 20

# orders: distance, items, weight, hour, weekday, stock, season, courier load
N = 3000
orders = np.random.randn(N, 8).astype("float32")
risk = 1.1 * orders[:, 0] + 0.8 * orders[:, 7] - 0.7 * orders[:, 5] * orders[:, 1] + 0.8 * np.random.randn(N)
shipped = np.random.rand(N) < 0.9               # the others were cancelled and were never late
late = np.zeros(N, dtype="float32")
late[shipped & (risk > 0.3)] = 1

train_ds = TensorDataset(torch.from_numpy(orders[:2200]), torch.from_numpy(late[:2200]))
val_ds = TensorDataset(torch.from_numpy(orders[2200:]), torch.from_numpy(late[2200:]))
truth = (shipped & (risk > 0.3))[2200:]
train_dl = DataLoader(train_ds, 50, shuffle=True)
val_dl = DataLoader(val_ds, 400)

net = nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Dropout(0.2), nn.Linear(32, 16), nn.ReLU(), nn.Linear(16, 1))
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.RMSprop(net.parameters(), lr=2e-3, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, EPOCHS)

for epoch in range(EPOCHS):
    net.train()
    running = 0.0
    for x, y in train_dl:
        optimizer.zero_grad()
        loss = criterion(net(x).squeeze(1), y)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(x)
    scheduler.step()
    net.eval()
    val_loss, logits = 0.0, []
    with torch.no_grad():
        for x, y in val_dl:
            out = net(x).squeeze(1)
            val_loss += criterion(out, y).item() * len(x)
            logits.append(out)
    called = (torch.cat(logits) > 0).numpy()
    recall = (called & truth).sum() / truth.sum()
    print(f"epoch {epoch + 1:2d} train loss {running / len(train_ds):.4f} val loss {val_loss / len(val_ds):.4f} late orders found {recall:.3f}")
