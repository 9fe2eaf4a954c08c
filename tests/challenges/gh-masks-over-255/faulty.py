import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

SIZE = 20


def to_tensor(array):
    return torch.from_numpy(array.astype(np.float32) / 255)


class Cells(Dataset):
    """0 background, 1 cytoplasm, 2 nucleus"""

    def __init__(self, n, rng):
        yy, xx = np.mgrid[:SIZE, :SIZE]
        self.images = np.zeros((n, SIZE, SIZE), np.uint8)
        self.masks = np.zeros((n, SIZE, SIZE), np.uint8)
        for i in range(n):
            image = np.full((SIZE, SIZE), 60.0)
            for _ in range(rng.integers(1, 3)):
                cy, cx = rng.uniform(5, SIZE - 5, 2)
                r = rng.uniform(3.5, 5.5)
                d = np.hypot(yy - cy, xx - cx)
                self.masks[i][(d < r) & (self.masks[i] == 0)] = 1
                self.masks[i][d < r / 2] = 2
            image += np.choose(self.masks[i], [0, 50, 110])
            self.images[i] = np.clip(image + rng.normal(0, 45, image.shape), 0, 255)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        image, mask = to_tensor(self.images[i]), to_tensor(self.masks[i])
        return (image.unsqueeze(0) - 0.32) / 0.23, mask.long()


class SmallUNet(nn.Module):
    def __init__(self, n_channels, n_classes, width=8):
        super().__init__()
        self.inc = nn.Sequential(nn.Conv2d(n_channels, width, 3, padding=1), nn.ReLU())
        self.down = nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU())
        self.up = nn.Sequential(nn.Conv2d(3 * width, width, 3, padding=1), nn.ReLU())
        self.outc = nn.Conv2d(width, n_classes, 1)

    def forward(self, x):
        a = self.inc(x)
        b = F.interpolate(self.down(a), scale_factor=2)
        return self.outc(self.up(torch.cat([a, b], 1)))


def dice(net, data):
    """of cytoplasm and nucleus, against the masks as drawn"""
    truth = torch.from_numpy(data.masks).long()
    images = torch.stack([data[i][0] for i in range(len(data))])
    with torch.no_grad():
        found = net(images).argmax(1)
    return [2 * ((found == c) & (truth == c)).sum().item() / ((found == c).sum() + (truth == c).sum()).item() for c in (1, 2)]


def train_net(net, epochs=12, batch_size=16, learning_rate=4e-3):
    rng = np.random.default_rng(seed=3)
    train, val = Cells(400, rng), Cells(120, rng)
    loader = DataLoader(train, batch_size=batch_size, shuffle=True)
    val_loader = DataLoader(val, batch_size=60)
    optimizer = torch.optim.Adam(net.parameters(), lr=learning_rate)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=epochs * len(loader))
    for epoch in range(epochs):
        net.train()
        epoch_loss = 0
        for images, true_masks in loader:
            loss = F.cross_entropy(net(images), true_masks)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            scheduler.step()
            epoch_loss += loss.item() / len(loader)
        net.eval()
        with torch.no_grad():
            val_loss = sum(F.cross_entropy(net(i), m).item() for i, m in val_loader) / len(val_loader)
        print(f"epoch {epoch + 1} loss {epoch_loss:.4f} val loss {val_loss:.4f}")
    return val_loss, dice(net, val)


if __name__ == "__main__":
    torch.manual_seed(3)
    val_loss, (cytoplasm, nucleus) = train_net(SmallUNet(n_channels=1, n_classes=3))
    print(f"final: val loss {val_loss:.4f}, dice cytoplasm {cytoplasm:.3f} nucleus {nucleus:.3f}")
