import argparse
import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=2.0)
parser.add_argument("--batch-size", type=int, default=32)
parser.add_argument("--epochs", type=int, default=40)
args = parser.parse_args()

rng = np.random.default_rng(6)
torch.manual_seed(6)
n = 2500
hour, temp, wind, rain = rng.uniform(0, 24, n), rng.normal(14, 8, n), rng.gamma(2, 4, n), rng.random(n) < 0.2
rides = 60 + 90 * np.exp(-((hour - 8) / 2) ** 2) + 120 * np.exp(-((hour - 17.5) / 2.5) ** 2) + 4 * temp - 2 * wind - 50 * rain
rides = rides + 35 * rng.standard_normal(n)
X = np.column_stack([np.sin(hour / 24 * 2 * np.pi), np.cos(hour / 24 * 2 * np.pi), np.sin(hour / 6 * np.pi), np.cos(hour / 6 * np.pi), (temp - 14) / 8, (wind - 8) / 5.6, rain])
X = torch.tensor(X, dtype=torch.float32)
y = torch.tensor(np.digitize(rides, np.quantile(rides[:2000], [1 / 3, 2 / 3])))   # quiet, usual, busy
x_train, y_train, x_val, y_val = X[:2000], y[:2000], X[2000:], y[2000:]

model = nn.Sequential(nn.Linear(7, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 3))
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr)
loss_fn = nn.CrossEntropyLoss()

for epoch in range(1, args.epochs + 1):
    model.train()
    losses = []
    for idx in torch.randperm(len(x_train)).split(args.batch_size):
        loss = loss_fn(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        pred = model(x_val)
        val = loss_fn(pred, y_val).item()
        acc = (pred.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch} train loss {np.mean(losses):.4f} val loss {val:.4f} val accuracy {acc:.3f}")
