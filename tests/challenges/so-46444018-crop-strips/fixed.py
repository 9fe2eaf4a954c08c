import random
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, IterableDataset

torch.manual_seed(11)
random.seed(11)
CROPS = ["wheat", "maize", "rape", "potato", "sugar beet", "grass", "fallow", "forest"]
BANDS = 10

# reflectance of a field on four dates, one strip of the survey per crop
centres = np.random.default_rng(1).normal(0, 1, size=(len(CROPS), 4 * BANDS)) * 0.5


def survey(per_crop, seed):
    rng = np.random.default_rng(seed)
    x, y = [], []
    for k in range(len(CROPS)):
        season = rng.normal(0, 0.6, size=(per_crop, 1)) * np.linspace(-1, 1, 4 * BANDS)
        x.append(centres[k] + season + rng.normal(0, 1.1, size=(per_crop, 4 * BANDS)))
        y.append(np.full(per_crop, k))
    return np.concatenate(x).astype("float32"), np.concatenate(y)


X_train, y_train = survey(800, 2)
X_val, y_val = survey(200, 3)
mean, std = X_train.mean(0), X_train.std(0)
X_train, X_val = (X_train - mean) / std, (X_val - mean) / std
xv, yv = torch.from_numpy(X_val), torch.from_numpy(y_val)


class Survey(IterableDataset):
    """reads the fields in the order of the file and hands them out through a shuffle buffer"""

    def __init__(self, x, y, buffer_size):
        self.x, self.y, self.buffer_size = torch.from_numpy(x), torch.from_numpy(y), buffer_size

    def __iter__(self):
        buffer = []
        for item in zip(self.x, self.y):
            if len(buffer) < self.buffer_size:
                buffer.append(item)
                continue
            k = random.randrange(self.buffer_size)
            yield buffer[k]
            buffer[k] = item
        random.shuffle(buffer)
        yield from buffer


loader = DataLoader(Survey(X_train, y_train, buffer_size=7000), batch_size=32)
model = nn.Sequential(nn.Linear(4 * BANDS, 32), nn.ReLU(), nn.Dropout(0.3), nn.Linear(32, len(CROPS)))
loss_fn = nn.CrossEntropyLoss()
epochs = 10
optimizer = torch.optim.Adam(model.parameters(), lr=0.006, weight_decay=1e-4)

for epoch in range(epochs):
    model.train()
    running, seen = 0.0, 0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
        seen += len(xb)
    model.eval()
    with torch.no_grad():
        scores = model(xv)
        val_loss = loss_fn(scores, yv).item()
        accuracy = (scores.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch + 1}: train loss {running / seen:.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f}")

print(f"final: val loss {val_loss:.4f} accuracy {accuracy:.3f}")
