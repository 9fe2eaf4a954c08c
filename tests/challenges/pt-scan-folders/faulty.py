import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(8)
EPOCHS = 10


def render_archive(n, seed):
    """Folder names and 24x24 scans; an abnormal scan shows a bright spot on the tissue."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[:24, :24]
    archive = []
    for i in range(n):
        kind = ("normal", "abnormal")[i % 2]
        im = 0.4 + 0.15 * np.sin(xx / rng.uniform(2, 4) + rng.uniform(0, 6)) + 0.15 * rng.standard_normal((24, 24))
        if kind == "abnormal":
            cy, cx = rng.uniform(4, 20, 2)
            im += rng.uniform(0.2, 0.9) * np.exp(-((yy - cy) ** 2 + (xx - cx) ** 2) / 5)
        archive.append((f"scans/{kind}/{i:04d}.png", im.astype(np.float32)))
    return archive


class ScanDataset(Dataset):
    def __init__(self, archive):
        self.images, self.labels = [], []
        for path, image in archive:
            self.images.append(torch.from_numpy(image)[None] - 0.4)
            self.labels.append(1 if "normal" in path else 0)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], self.labels[i]


train_archive, val_archive = render_archive(1600, 0), render_archive(500, 1)
train_loader = DataLoader(ScanDataset(train_archive), batch_size=32, shuffle=True)
val_loader = DataLoader(ScanDataset(val_archive), batch_size=100)
truth = torch.tensor([int(path.startswith("scans/normal/")) for path, _ in val_archive])

model = nn.Sequential(
    nn.Conv2d(1, 12, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(1),
    nn.Flatten(), nn.Dropout(0.2), nn.Linear(24, 2),
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    model.train()
    train_loss = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    model.eval()
    val_loss, predictions = 0.0, []
    with torch.no_grad():
        for images, labels in val_loader:
            out = model(images)
            val_loss += criterion(out, labels).item() / len(val_loader)
            predictions.append(out.argmax(1))
    accuracy = (torch.cat(predictions) == truth).float().mean().item()
    print(f"epoch {epoch + 1} train loss {train_loss:.5f} val loss {val_loss:.5f} accuracy against the folders {accuracy:.3f}")
