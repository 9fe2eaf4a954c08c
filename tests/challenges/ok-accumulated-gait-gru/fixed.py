import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset


class Walks(Dataset):
    """Two accelerometer channels, 40 samples each; was the walker carrying a load?"""

    def __init__(self, n, rng, stats=None):
        t = np.arange(40) / 20
        load = rng.random(n) < 0.5
        pace = 1.8 - 0.35 * load + 0.15 * rng.normal(size=n)
        phase = rng.uniform(0, 2 * np.pi, n)
        up = np.sin(2 * np.pi * pace[:, None] * t + phase[:, None])
        fore = (0.6 + 0.5 * load)[:, None] * np.cos(4 * np.pi * pace[:, None] * t + phase[:, None])
        x = np.stack([up, fore], 2) * 3 + 1.6 * rng.normal(size=(n, 40, 2)) + [9.8, 0.2]
        self.stats = stats or (x.mean((0, 1)), x.std((0, 1)))
        self.x = torch.tensor((x - self.stats[0]) / self.stats[1], dtype=torch.float32)
        flip = rng.random(n) < 0.06
        self.y = torch.tensor(load ^ flip, dtype=torch.float32)

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class GaitNet(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(2 * hidden, 1)

    def forward(self, x):
        h, last = self.gru(x)
        return self.fc(self.drop(torch.cat([h.mean(1), last[-1]], 1))).squeeze(1)


seed = 25
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
train_set = Walks(1920, rng)
val_set = Walks(600, rng, train_set.stats)
train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
val_loader = DataLoader(val_set, batch_size=300)
model, criterion = GaitNet(), nn.BCEWithLogitsLoss()
epochs = 8
accumulate = 2
optimizer = torch.optim.Adam(model.parameters(), lr=8e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(1, epochs + 1):
    model.train()
    train_loss = 0.0
    optimizer.zero_grad()
    for step, (x, y) in enumerate(train_loader, 1):
        loss = criterion(model(x), y)
        (loss / accumulate).backward()
        if step % accumulate == 0:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            optimizer.zero_grad()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    val_loss = right = 0.0
    with torch.no_grad():
        for x, y in val_loader:
            out = model(x)
            val_loss += criterion(out, y).item() * len(y) / len(val_set)
            right += ((out > 0) == (y > 0.5)).sum().item()
    print(f"epoch {epoch}: train loss {train_loss:.4f}, val loss {val_loss:.4f}, accuracy {right / len(val_set):.3f}")
print(f"final: val loss {val_loss:.4f}, accuracy {right / len(val_set):.3f}")
