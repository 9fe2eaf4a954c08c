import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

WIDTH, HEIGHT = 640, 480
CAMERA = torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT]).float()


class Plates(Dataset):
    """Shots of a number plate, reduced to 32 x 24; the box is x1, y1, x2, y2 in the shot of 640 x 480."""

    def __init__(self, n, generator):
        cx = 0.25 + 0.5 * torch.rand(n, generator=generator)
        cy = 0.25 + 0.5 * torch.rand(n, generator=generator)
        w = 0.2 + 0.2 * torch.rand(n, generator=generator)
        h = 0.15 + 0.2 * torch.rand(n, generator=generator)
        box = torch.stack([cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2], 1)
        drawn = box + 0.025 * torch.randn(n, 4, generator=generator)  # the boxes were drawn by hand
        self.boxes = drawn * CAMERA
        gx = ((torch.arange(32) + 0.5) / 32).view(1, 1, -1)
        gy = ((torch.arange(24) + 0.5) / 24).view(1, -1, 1)
        x1, y1, x2, y2 = (b.view(-1, 1, 1) for b in box.unbind(1))
        plate = torch.sigmoid((gx - x1) * 80) * torch.sigmoid((x2 - gx) * 80) * torch.sigmoid((gy - y1) * 60) * torch.sigmoid((y2 - gy) * 60)
        noise = torch.randn(n, 24, 32, generator=generator)
        self.shots = (0.8 * plate - 0.15 + 0.25 * noise).unsqueeze(1)

    def __len__(self):
        return len(self.shots)

    def __getitem__(self, i):
        return self.shots[i], self.boxes[i] / CAMERA


class BoxNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, stride=2, padding=1)
        self.fc1 = nn.Linear(24 * 6 * 8, 64)
        self.fc2 = nn.Linear(64, 4)

    def forward(self, x):
        x = F.relu(self.conv1(x))
        x = F.relu(self.conv2(x))
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


def iou(a, b):
    lo, hi = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    inter = (hi - lo).clamp(min=0).prod(1)
    return (inter / ((a[:, 2:] - a[:, :2]).clamp(min=0).prod(1) + (b[:, 2:] - b[:, :2]).prod(1) - inter)).mean().item()


torch.manual_seed(3)
g = torch.Generator().manual_seed(30)
train_loader = DataLoader(Plates(3000, g), batch_size=50, shuffle=True)
val_loader = DataLoader(Plates(600, g), batch_size=200)
model = BoxNet()
epochs = 14
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3, weight_decay=1e-5)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    train_loss = 0.0
    for shots, boxes in train_loader:
        loss = F.mse_loss(model(shots), boxes)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train_loader)
    scheduler.step()
    with torch.no_grad():
        val_loss = overlap = 0.0
        for shots, boxes in val_loader:
            out = model(shots)
            val_loss += F.mse_loss(out, boxes).item() / len(val_loader)
            overlap += iou(out, boxes) / len(val_loader)
    print(f"epoch {epoch:2d} train loss {train_loss:.6f} val loss {val_loss:.6f} iou {overlap:.3f}")
print(f"final: val loss {val_loss:.6f} iou {overlap:.3f}")
