import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 10
BOTTOMS = 4


def echoes(n, seed):
    """First echo of a single-beam sounder over mud, sand, gravel or rock; the divers' labels are not always right."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, BOTTOMS, n)
    t = np.arange(80)[None]
    start = rng.uniform(8, 20, (n, 1))
    tail = np.array([14.0, 8.0, 5.0, 3.0])[y][:, None] * rng.normal(1, 0.25, (n, 1))
    rough = np.array([0.05, 0.1, 0.2, 0.35])[y][:, None]
    x = np.where(t > start, np.exp(-(t - start) / tail), 0)
    x = x * (1 + rough * rng.standard_normal((n, 80))) + 0.2 * rng.standard_normal((n, 80))
    noisy = rng.random(n) < 0.12
    y[noisy] = rng.integers(0, BOTTOMS, noisy.sum())
    return TensorDataset(torch.tensor((x - 0.1)[:, None] * 3, dtype=torch.float32), torch.tensor(y))


torch.manual_seed(17)
train_ds, val_ds = echoes(600, 0), echoes(600, 1)
train_loader = DataLoader(train_ds, batch_size=30, shuffle=True)
val_loader = DataLoader(val_ds, batch_size=300)

model = nn.Sequential(
    nn.Conv1d(1, 24, 7, padding=3), nn.ReLU(), nn.MaxPool1d(2),
    nn.Conv1d(24, 32, 5, padding=2), nn.ReLU(), nn.MaxPool1d(4),
    nn.Flatten(), nn.Linear(320, 64), nn.ReLU(), nn.Linear(64, BOTTOMS),
)
optimizer = torch.optim.NAdam(model.parameters(), lr=7e-4)
criterion = nn.CrossEntropyLoss()


def run_epoch(loader, training):
    model.train(training)
    loss_sum = correct = 0
    with torch.set_grad_enabled(training):
        for x, y in loader:
            out = model(x)
            loss = criterion(out, y)
            if training:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            loss_sum += loss.item() * len(x)
            correct += (out.argmax(1) == y).sum().item()
    return loss_sum / len(loader.dataset), correct / len(loader.dataset)


for epoch in range(1, EPOCHS + 1):
    train_loss, train_acc = run_epoch(train_loader, True)
    val_loss, val_acc = run_epoch(val_loader, False)
    print(f"epoch {epoch}: train loss {train_loss:.4f} acc {train_acc:.3f} | val loss {val_loss:.4f} acc {val_acc:.3f}")
