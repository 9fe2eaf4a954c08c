import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(73)
BATCH_SIZE = 1


def cracks(n, side=16):
    """a dark line at a random slope on rough concrete; the label is the line"""
    grid = torch.linspace(-1, 1, side)
    angle = 3.14 * torch.rand(n, 1, 1)
    offset = torch.rand(n, 1, 1) - 0.5
    distance = (angle.cos() * grid[None, None] + angle.sin() * grid[None, :, None] - offset).abs()
    mask = (distance < 0.13).float()[:, None]
    return -mask + 0.7 * torch.randn(n, 1, side, side), mask


class Segmentor(nn.Module):
    def __init__(self, ngf=10):
        super().__init__()
        self.conv1 = nn.Conv2d(1, ngf, 5, padding=2)
        self.conv2 = nn.Conv2d(ngf, ngf, 5, padding=2)
        self.fuse = nn.Conv2d(2 * ngf, 1, 1)

    def forward(self, x):
        side1 = F.relu(self.conv1(x))
        side2 = F.relu(self.conv2(side1))
        return self.fuse(torch.cat((side1, side2), dim=1))


start = time.process_time()
train_loader = DataLoader(TensorDataset(*cracks(300)), batch_size=BATCH_SIZE, shuffle=True)
test_images, test_masks = cracks(200)
net = Segmentor()
epochs = 9
optimizer = torch.optim.Adam(net.parameters(), lr=0.002)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.75)
for epoch in range(epochs):
    for images, masks in train_loader:
        loss = F.binary_cross_entropy_with_logits(net(images), masks)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    with torch.no_grad():
        out = net(test_images)
        val_loss = F.binary_cross_entropy_with_logits(out, test_masks).item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f}")
dice = 2 * ((out > 0) * test_masks).sum() / ((out > 0).sum() + test_masks.sum())
print(f"final: val loss {val_loss:.3f}, dice {dice.item():.3f}, {time.process_time() - start:.1f} s of CPU time")
