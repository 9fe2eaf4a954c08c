import time

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class FloorPlans(Dataset):
    """12x12 plans of rooms with a door to the left, right or nowhere; randomly shaded"""

    def __init__(self, n, rng):
        self.labels = rng.integers(0, 3, n)
        self.images = rng.normal(0, 0.55, (n, 12, 12)).astype(np.float32)
        self.grid = np.arange(12.0)
        self.rng = rng
        for image, label in zip(self.images, self.labels):
            r, c = rng.integers(0, 4, 2)
            image[r:r + 8, [c, c + 7]] += 1
            image[[r, r + 7], c:c + 8] += 1
            if label:
                image[r + 3:r + 6, c if label == 1 else c + 7] -= 1

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image = self.images[i]
        tilt_y, tilt_x = self.rng.uniform(-0.04, 0.04, 2)
        shaded = np.zeros_like(image)
        for r in range(image.shape[0]):
            for c in range(image.shape[1]):
                gain = 1 + tilt_y * (self.grid[r] - 5.5) + tilt_x * (self.grid[c] - 5.5)
                shaded[r, c] = min(max(image[r, c] * gain, -3.0), 4.0)
        return torch.from_numpy(shaded).unsqueeze(0), self.labels[i]


def main(epochs=10):
    torch.manual_seed(83)
    rng = np.random.default_rng(seed=83)
    train, val = DataLoader(FloorPlans(1300, rng), 26, shuffle=True), DataLoader(FloorPlans(500, rng), 250)
    net = nn.Sequential(nn.Conv2d(1, 16, 4), nn.ReLU(), nn.Conv2d(16, 24, 5), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3), nn.Linear(600, 3))
    opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    criterion = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        net.train()
        for x, y in train:
            opt.zero_grad()
            loss = criterion(net(x), y)
            loss.backward()
            opt.step()
        sched.step()
        net.eval()
        with torch.no_grad():
            val_loss = sum(criterion(net(x), y).item() for x, y in val) / len(val)
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f}")
    return val_loss


if __name__ == "__main__":
    began = time.process_time()
    result = main()
    print(f"final: val loss {result:.3f}, {time.process_time() - began:.1f} s of CPU time")
