import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 3
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
CLASSES = ["N", "V", "F"]
time = np.linspace(-1, 1, 64)


def bump(centre, width, height):
    return height * np.exp(-((time - centre) / width) ** 2)


def beats(counts):
    """normal beats, ventricular beats and their fusions, one lead, 64 samples around the R peak"""
    signals, labels = [], []
    for label, count in enumerate(counts):
        for _ in range(count):
            shift = rng.normal(0, 0.03)
            normal = bump(-0.45 + shift, 0.08, 0.2) + bump(shift, 0.04, 1.1) + bump(0.4 + shift, 0.12, 0.3)
            wide = bump(0.02 + shift, 0.16, 0.9) - bump(0.4 + shift, 0.18, 0.5)
            share = (rng.uniform(0, 0.39), rng.uniform(0.61, 1.0), rng.uniform(0.33, 0.67))[label]
            beat = (1 - share) * normal + share * wide
            signals.append(beat * rng.uniform(0.8, 1.2) + rng.normal(0, 0.05, 64))
            labels.append(label)
    x = torch.tensor(np.array(signals), dtype=torch.float32).unsqueeze(1)
    x = (x - x.mean(-1, keepdim=True)) / x.std(-1, keepdim=True)
    return x, torch.tensor(labels)


train_x, train_y = beats([6000, 430, 150])
val_x, val_y = beats([2800, 200, 70])
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=100, shuffle=True)


def conv(inp, out):
    return nn.Sequential(nn.Conv1d(inp, out, 5, padding=2), nn.ReLU(), nn.MaxPool1d(2))


model = nn.Sequential(conv(1, 8), conv(8, 16), conv(16, 16), nn.Flatten(), nn.Linear(16 * 8, 3))
weight = len(train_y) / (3 * torch.bincount(train_y).float())
criterion = nn.CrossEntropyLoss(weight=weight)
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, nesterov=True, weight_decay=2e-3)

epochs = 10
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    total, right = 0.0, 0
    for x, y in loader:
        out = model(x)
        loss = criterion(out, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
        right += (out.argmax(1) == y).sum().item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val_loss = criterion(out, val_y).item()
    guess = out.argmax(1)
    recall = [(guess[val_y == k] == k).float().mean().item() for k in range(3)]
    print(f"epoch {epoch} train loss {total / len(train_y):.4f} train acc {right / len(train_y):.3f} val loss {val_loss:.4f} "
          f"val acc {(guess == val_y).float().mean():.3f} recall " + " ".join(f"{c} {r:.2f}" for c, r in zip(CLASSES, recall)))
