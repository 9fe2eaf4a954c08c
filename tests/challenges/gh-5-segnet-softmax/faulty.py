import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(31)
rng = np.random.default_rng(seed=31)
KINDS = 5


def landscapes(n, size=20):
    """aerial tiles in two bands: each pixel is one of five kinds of ground, in patches around random seeds"""
    seeds = rng.uniform(0, size, (n, 7, 2))
    kinds = rng.integers(KINDS, size=(n, 7))
    grid = np.stack(np.meshgrid(np.arange(size), np.arange(size), indexing="ij"), -1)
    nearest = ((grid[None, :, :, None] - seeds[:, None, None]) ** 2).sum(-1).argmin(-1)
    label = np.take_along_axis(kinds, nearest.reshape(n, -1), 1).reshape(n, size, size)
    colour = np.array([[-1.2, 0.0], [-0.4, 1.2], [0.3, -1.2], [0.6, 0.5], [1.6, -0.2]])
    image = colour[label] + 0.8 * rng.standard_normal((n, size, size, 2))
    return torch.tensor(image.transpose(0, 3, 1, 2), dtype=torch.float32), torch.tensor(label)


class SegNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.down1 = nn.Conv2d(2, width, 3, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, 3, padding=1)
        self.up = nn.Conv2d(2 * width, width, 3, padding=1)
        self.score = nn.Conv2d(2 * width, KINDS, 1)

    def forward(self, x):
        fine = F.relu(self.down1(x))
        coarse = F.relu(self.down2(F.max_pool2d(fine, 2)))
        coarse = F.interpolate(F.relu(self.up(coarse)), scale_factor=2)
        return F.softmax(self.score(torch.cat([fine, coarse], 1)), dim=1)


def evaluate(model, images, labels, criterion):
    model.eval()
    with torch.no_grad():
        out = model(images)
    guess = out.argmax(1)
    iou = [((guess == k) & (labels == k)).sum().item() / ((guess == k) | (labels == k)).sum().item() for k in range(KINDS)]
    return criterion(out, labels).item(), sum(iou) / KINDS


images, labels = landscapes(360)
val_images, val_labels = landscapes(120)
model = SegNet()
epochs = 16
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=epochs, power=0.9)
for epoch in range(1, epochs + 1):
    model.train()
    seen = 0.0
    for idx in torch.randperm(len(images)).split(12):
        optimizer.zero_grad()
        loss = criterion(model(images[idx]), labels[idx])
        loss.backward()
        optimizer.step()
        seen += loss.item() * len(idx)
    scheduler.step()
    val_loss, iou = evaluate(model, val_images, val_labels, criterion)
    print(f"epoch {epoch}: loss {seen / len(images):.4f}, val loss {val_loss:.4f}, mean IoU {iou:.4f}")
print(f"final: val loss {val_loss:.4f}, mean IoU {iou:.4f}")
