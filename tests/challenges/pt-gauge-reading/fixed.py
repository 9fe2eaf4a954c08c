import math
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(45)
SIZE = 16


class Gauges(Dataset):
    """photos of a round gauge; the target is the reading of its needle, -1 to 1"""

    def __init__(self, n):
        self.reading = torch.rand(n) * 2 - 1
        angle = self.reading * 0.75 * math.pi
        grid = torch.arange(SIZE) - (SIZE - 1) / 2
        yy, xx = torch.meshgrid(grid, grid, indexing="ij")
        dx, dy = torch.sin(angle)[:, None, None], -torch.cos(angle)[:, None, None]
        along, across = xx * dx + yy * dy, xx * dy - yy * dx
        needle = ((across.abs() < 1.0) & (along > 0) & (along < 6.5)).float()
        self.image = (needle + 0.5 * torch.randn(n, SIZE, SIZE)).unsqueeze(1)
        self.reading = self.reading + 0.15 * torch.randn(n)

    def __len__(self):
        return len(self.reading)

    def __getitem__(self, k):
        return self.image[k], self.reading[k]


train_loader = DataLoader(Gauges(4000), batch_size=50, shuffle=True)
val_loader = DataLoader(Gauges(500), batch_size=250)

net = nn.Sequential(
    nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(),
    nn.Linear(256, 32), nn.ReLU(),
    nn.Linear(32, 1),
)
criterion = nn.MSELoss()
optimizer = torch.optim.Adam(net.parameters(), lr=2e-3, weight_decay=1e-4)
epochs = 12
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)


def validate():
    net.eval()
    loss, error = 0.0, 0.0
    with torch.no_grad():
        for image, reading in val_loader:
            output = net(image).squeeze(1)
            loss += criterion(output, reading).item() / len(val_loader)
            error += (output.flatten() - reading).abs().mean().item() / len(val_loader)
    return loss, error


for epoch in range(1, epochs + 1):
    net.train()
    running = 0.0
    for image, reading in train_loader:
        optimizer.zero_grad()
        output = net(image).squeeze(1)
        loss = criterion(output, reading)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(train_loader)
    scheduler.step()
    val_loss, val_error = validate()
    print(f"epoch {epoch}: train loss {running:.4f}, val loss {val_loss:.4f}, mean absolute error {val_error:.4f}")
