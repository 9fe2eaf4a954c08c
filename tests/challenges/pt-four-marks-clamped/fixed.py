import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(14)
EPOCHS = 26


class Parcels(Dataset):
    """Small grey pictures of parcels; each of four handling marks may be printed on it, anywhere (the clerk errs at times)."""

    def __init__(self, n, seed):
        rng = np.random.default_rng(seed)
        self.marks = (rng.random((n, 4)) < 0.4).astype(np.float32)
        self.images = 0.35 * rng.standard_normal((n, 1, 16, 16)).astype(np.float32)
        up = np.eye(5, dtype=np.float32)
        ring = np.ones((5, 5), np.float32)
        ring[1:4, 1:4] = 0
        cross = np.zeros((5, 5), np.float32)
        cross[2], cross[:, 2] = 1, 1
        for image, marks in zip(self.images, self.marks):
            for shape, there in zip((up, up[::-1], ring, cross), marks):
                if there:
                    i, j = rng.integers(0, 12, 2)
                    image[0, i:i + 5, j:j + 5] += shape * rng.uniform(0.7, 1.2)
        mistaken = rng.random((n, 4)) < 0.05
        self.marks[mistaken] = 1 - self.marks[mistaken]

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return torch.from_numpy(self.images[i]), torch.from_numpy(self.marks[i])


class MarkNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.fc = nn.Linear(32, 4)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(F.max_pool2d(x, 2)))
        x = F.adaptive_max_pool2d(x, 1).flatten(1)
        return torch.sigmoid(self.fc(x))


train = DataLoader(Parcels(1500, 0), batch_size=50, shuffle=True)
val = DataLoader(Parcels(400, 1), batch_size=200)
net = MarkNet()
optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=0.02)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
criterion = nn.BCELoss()

for epoch in range(EPOCHS):
    net.train()
    train_loss = 0.0
    for images, marks in train:
        p = torch.clamp(net(images), 1e-6, 1 - 1e-6)
        loss = criterion(p, marks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train)
    schedule.step()
    net.eval()
    val_loss, right = 0.0, 0
    with torch.no_grad():
        for images, marks in val:
            p = torch.clamp(net(images), 1e-6, 1 - 1e-6)
            val_loss += criterion(p, marks).item() / len(val)
            right += ((p > 0.5) == (marks > 0.5)).sum().item()
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} marks right {right / 1600:.3f}")
