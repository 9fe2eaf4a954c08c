import numpy as np
import torch
import torch.nn as nn
from sklearn.metrics import balanced_accuracy_score, confusion_matrix

SEED = 15
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)
STATES = ["healthy", "inner ring", "outer ring"]


def recordings(n):
    """vibration envelopes of bearings, 40 samples each"""
    state = rng.choice(3, size=n, p=[0.94, 0.03, 0.03])
    t = np.arange(40)
    phase = rng.uniform(0, 2 * np.pi, (n, 1))
    size = np.where(state > 0, rng.gamma(8.0, 0.068, n), 0.0)[:, None]
    period = np.where(state == 1, 5.0, 9.0)[:, None]
    x = rng.normal(0, 0.85, (n, 40)) + size * np.sin(2 * np.pi * t / period + phase) * 1.4
    return torch.tensor(x[:, :, None], dtype=torch.float32), torch.tensor(state)


x_train, y_train = recordings(3600)
x_val, y_val = recordings(1500)


class BearingGRU(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.conv = nn.Conv1d(1, 8, 5, padding=2)
        self.gru = nn.GRU(8, hidden, batch_first=True)
        self.fc = nn.Linear(hidden, 3)

    def forward(self, x):
        h = torch.tanh(self.conv(x.transpose(1, 2))).transpose(1, 2)
        out, _ = self.gru(h)
        return self.fc(out.mean(1))


model = BearingGRU()
counts = torch.bincount(y_train, minlength=3).float()
criterion = nn.CrossEntropyLoss(weight=len(y_train) / (3 * counts))
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
epochs = 12
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    model.train()
    total, steps = 0.0, 0
    for b in torch.randperm(len(x_train)).split(100):
        optimizer.zero_grad()
        loss = criterion(model(x_train[b]), y_train[b])
        loss.backward()
        optimizer.step()
        total, steps = total + loss.item(), steps + 1
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, y_val).item()
    pred = out.argmax(1)
    acc = (pred == y_val).float().mean().item()
    print(f"epoch {epoch} train loss {total / steps:.4f} val loss {val_loss:.4f} accuracy {acc:.4f} "
          f"balanced accuracy {balanced_accuracy_score(y_val, pred):.4f}")

print(STATES)
print(confusion_matrix(y_val, pred))
