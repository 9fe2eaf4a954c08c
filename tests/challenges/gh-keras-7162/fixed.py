import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SAMPLES = 64


def detector_events(n, seed, signal_share=0.04):
    """digitised pulses: a signal event has a short bipolar pulse, noise events are background of several kinds"""
    rng = np.random.RandomState(seed)
    t = np.arange(SAMPLES)
    events = rng.normal(0, 1.0, (n, SAMPLES))
    label = (rng.rand(n) < signal_share).astype("float32")
    for i in range(n):
        kind = rng.randint(3)
        centre = rng.uniform(16, 48)
        if label[i]:
            events[i] += 1.4 * (np.exp(-(t - centre) ** 2 / 10) - np.exp(-(t - centre - 7) ** 2 / 10))
        elif kind == 1:
            events[i] += rng.uniform(0.5, 1.5) * np.exp(-(t - centre) ** 2 / 14)
        elif kind == 2:
            events[i] += 0.6 * np.sin(2 * np.pi * t / rng.uniform(10, 30) + rng.uniform(0, 6))
    return torch.tensor(events[:, None], dtype=torch.float32), torch.tensor(label)


class EventNet(nn.Module):
    def __init__(self, channels=12):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, channels, 15, padding=7), nn.ReLU(),
            nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Dropout(0.1),
        )
        self.head = nn.Linear(channels, 1)

    def forward(self, x):
        return self.head(self.features(x)).squeeze(1)


def evaluate(model, criterion, x, y):
    model.eval()
    with torch.no_grad():
        out = model(x)
    found = (out > 0).float()
    recall = found[y == 1].mean().item()
    specificity = 1 - found[y == 0].mean().item()
    return criterion(out, y).item(), (found == y).float().mean().item(), recall, specificity


torch.manual_seed(6)
x_train, y_train = detector_events(6000, seed=3)
x_val, y_val = detector_events(4000, seed=4)
print("signal events in the training set:", int(y_train.sum()), "of", len(y_train))
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=100, shuffle=True)

model = EventNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.004, weight_decay=0.02)
pos_weight = (y_train == 0).sum() / y_train.sum()
criterion = nn.BCEWithLogitsLoss(pos_weight=pos_weight)
epochs = 15
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    scheduler.step()
    val_loss, acc, recall, specificity = evaluate(model, criterion, x_val, y_val)
    print(f"epoch {epoch}: train loss {total / len(loader):.4f} val loss {val_loss:.4f} accuracy {acc:.4f} "
          f"recall {recall:.4f} specificity {specificity:.4f}")
