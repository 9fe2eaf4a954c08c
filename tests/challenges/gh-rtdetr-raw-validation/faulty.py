import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Dataset


class ToFloat:
    def __call__(self, image):
        return torch.from_numpy(image).float()


class Normalize:
    def __init__(self, mean, std):
        self.mean, self.std = mean, std

    def __call__(self, image):
        return (image - self.mean) / self.std


class RandomFlip:
    def __call__(self, image):
        return image.flip(-1) if torch.rand(()) < 0.5 else image


class Compose:
    def __init__(self, transforms):
        self.transforms = transforms

    def __call__(self, image):
        for transform in self.transforms:
            image = transform(image)
        return image


class Fruits(Dataset):
    """round, long and spotted fruits, 3 x 14 x 14 bytes"""

    def __init__(self, n, rng, transform):
        self.y = rng.integers(0, 4, n)
        yy, xx = np.mgrid[:14, :14] - 6.5
        self.x = np.zeros((n, 3, 14, 14), np.uint8)
        for i, kind in enumerate(self.y):
            a, b = (4.5, 4.5) if kind % 2 == 0 else (2.8, 6)
            inside = (yy / a) ** 2 + (xx / b) ** 2 < rng.uniform(0.7, 1.1)
            colour = np.array([150, 120, 60]) + rng.normal(0, 25, 3)
            image = 70 + inside * (colour - 70 + 60)[:, None, None]
            if kind > 1:
                image = image - 60 * (inside & (rng.random((14, 14)) < 0.35))
            self.x[i] = np.clip(image + rng.normal(0, 50, image.shape), 0, 255)
        self.transform = transform

    def __len__(self):
        return len(self.y)

    def __getitem__(self, i):
        return self.transform(self.x[i]), int(self.y[i])


class FruitNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 24, 3, padding=1)
        self.fc = nn.Linear(24, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.conv2(x))
        return self.fc(x.mean((2, 3)))


train_transform = Compose([ToFloat(), RandomFlip(), Normalize(105.0, 60.0)])
val_transform = Compose([ToFloat()])


def main(epochs=14):
    torch.manual_seed(16)
    rng = np.random.default_rng(seed=16)
    train_loader = DataLoader(Fruits(1000, rng, train_transform), batch_size=32, shuffle=True)
    val_loader = DataLoader(Fruits(500, rng, val_transform), batch_size=250)
    net = FruitNet()
    optimizer = torch.optim.Adam(net.parameters(), lr=6e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        net.train()
        train_loss = 0.0
        for images, labels in train_loader:
            loss = F.cross_entropy(net(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            train_loss += loss.item() / len(train_loader)
        scheduler.step()
        net.eval()
        val_loss = accuracy = 0.0
        with torch.no_grad():
            for images, labels in val_loader:
                out = net(images)
                val_loss += F.cross_entropy(out, labels).item() / len(val_loader)
                accuracy += (out.argmax(1) == labels).float().mean().item() / len(val_loader)
        print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {accuracy:.4f}")
    print(f"final: train loss {train_loss:.4f}, val loss {val_loss:.4f}, val accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
