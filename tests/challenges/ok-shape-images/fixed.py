import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset

KINDS = ("disc", "ring", "square", "cross")


class Shapes(Dataset):
    """24x24 colour pictures; the training pictures are flipped and partly erased, a few labels are wrong"""

    def __init__(self, n, seed, augment=False):
        rng = np.random.RandomState(seed)
        yy, xx = np.mgrid[:24, :24]
        self.augment = augment
        self.labels = rng.randint(0, len(KINDS), n)
        self.images = np.empty((n, 3, 24, 24), dtype=np.float32)
        for i, kind in enumerate(self.labels):
            cx, cy, r = rng.uniform(9, 15), rng.uniform(9, 15), rng.uniform(4, 7)
            d = np.hypot(xx - cx, yy - cy)
            if kind == 0:
                m = d < r
            elif kind == 1:
                m = (d < r) & (d > r - 2.2)
            elif kind == 2:
                m = np.maximum(abs(xx - cx), abs(yy - cy)) < 0.85 * r
            else:
                m = (np.minimum(abs(xx - cx), abs(yy - cy)) < 1.3) & (d < r)
            back, front = rng.uniform(0, 0.45, (3, 1, 1)), rng.uniform(0.5, 1, (3, 1, 1))
            self.images[i] = np.where(m, front, back) + rng.normal(0, 0.25, (3, 24, 24))
        wrong = rng.rand(n) < 0.06
        self.labels[wrong] = rng.randint(0, len(KINDS), wrong.sum())
        self.images = (self.images - 0.5) / 0.4

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        x = torch.from_numpy(self.images[i])
        if self.augment:
            if torch.rand(1) < 0.5:
                x = x.flip(2)
            x = x.clone()
            r, c = torch.randint(0, 20, (2,)).tolist()
            x[:, r:r + 5, c:c + 5] = 0
        return x, int(self.labels[i])


class SmallCNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 12, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(24)
        self.fc1 = nn.Linear(24 * 36, 48)
        self.fc2 = nn.Linear(48, len(KINDS))
        self.drop = nn.Dropout(0.3)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        x = self.drop(F.relu(self.fc1(x.flatten(1))))
        return self.fc2(x)


def main():
    torch.manual_seed(33)
    epochs = 12
    train = DataLoader(Shapes(2000, seed=1, augment=True), batch_size=50, shuffle=True)
    val = DataLoader(Shapes(600, seed=2), batch_size=200)
    net = SmallCNN()
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.02)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, epochs=epochs, steps_per_epoch=len(train))
    for epoch in range(1, epochs + 1):
        net.train()
        train_loss = 0.0
        for x, y in train:
            loss = F.cross_entropy(net(x), y)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            train_loss += loss.item() / len(train)
        net.eval()
        val_loss = hits = 0.0
        with torch.no_grad():
            for x, y in val:
                out = net(x)
                val_loss += F.cross_entropy(out, y).item() * len(y) / 600
                hits += (out.argmax(1) == y).sum().item()
        print(f"epoch {epoch}: train loss {train_loss:.4f}, val loss {val_loss:.4f}, val acc {hits / 600:.4f}")


if __name__ == "__main__":
    main()
