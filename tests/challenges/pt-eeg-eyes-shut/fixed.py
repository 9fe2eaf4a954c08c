import argparse
import numpy as np
import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=13)
parser.add_argument("--lr", type=float, default=3e-4)
parser.add_argument("--seed", type=int, default=6)
args = parser.parse_args()
torch.manual_seed(args.seed)


def record(n, rng):
    """One second of EEG from three electrodes: eyes shut brings out a rhythm near 10 Hz, the scorer is wrong now and then."""
    t = np.arange(96) / 96
    shut = rng.integers(0, 2, n)
    alpha = np.sin(2 * np.pi * rng.uniform(8.5, 11.5, (n, 1, 1)) * t + rng.uniform(0, 6.28, (n, 1, 1)))
    other = np.sin(2 * np.pi * rng.uniform(14, 24, (n, 1, 1)) * t + rng.uniform(0, 6.28, (n, 3, 1)))
    size = np.where(shut == 1, rng.uniform(0.4, 1.0, n), rng.uniform(0.0, 0.5, n))[:, None, None]
    x = size * alpha * np.array([0.4, 0.7, 1.0])[None, :, None] + 0.6 * other + 0.8 * rng.standard_normal((n, 3, 96))
    label = np.where(rng.random(n) < 0.08, 1 - shut, shut)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(label)


rng = np.random.default_rng(args.seed)
x_train, y_train = record(500, rng)
x_val, y_val = record(500, rng)

model = nn.Sequential(
    nn.Conv1d(3, 24, 11, padding=5), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(24, 32, 7, padding=3), nn.ReLU(), nn.MaxPool1d(4),
    nn.Flatten(), nn.Linear(32 * 12, 48), nn.ReLU(), nn.Linear(48, 2),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.RMSprop(model.parameters(), lr=args.lr)

for epoch in range(args.epochs):
    model.train()
    losses = []
    for idx in torch.randperm(len(x_train)).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x_train[idx]), y_train[idx])
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
        val_loss = criterion(logits, y_val).item()
        acc = (logits.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} val acc {acc:.3f}")
