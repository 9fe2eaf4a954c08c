"""Classify small stamped symbols with a convolutional network."""
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset


def draw_symbols(n, rng):
    pictures = rng.normal(0, 0.35, (n, 1, 12, 12)).astype("float32")
    labels = rng.integers(0, 6, n)
    for picture, label in zip(pictures, labels):
        r, c = rng.integers(0, 5, 2)
        patch = np.zeros((7, 7), "float32")
        if label == 0:
            patch[3, :] = 1
        elif label == 1:
            patch[:, 3] = 1
        elif label == 2:
            patch[np.arange(7), np.arange(7)] = 1
        elif label == 3:
            patch[3, :] = patch[:, 3] = 1
        elif label == 4:
            patch[0, :] = patch[-1, :] = patch[:, 0] = patch[:, -1] = 1
        else:
            patch[np.arange(7), np.arange(7)] = patch[np.arange(7), np.arange(6, -1, -1)] = 1
        picture[0, r:r + 7, c:c + 7] += patch * rng.uniform(0.8, 1.3)
    flip = rng.random(n) < 0.03
    labels[flip] = rng.integers(0, 6, flip.sum())
    return torch.tensor(pictures), torch.tensor(labels)


class Cnn(nn.Module):
    def __init__(self, dropout=0.4):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 3, padding=1)
        self.conv2 = nn.Conv2d(12, 24, 3, padding=1)
        self.drop = nn.Dropout(dropout)
        self.fc1 = nn.Linear(24 * 9, 64)
        self.fc2 = nn.Linear(64, 6)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.fc1(self.drop(x.flatten(1))))
        return self.fc2(self.drop(x))


seed = 5
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
train_set = TensorDataset(*draw_symbols(2400, rng))
val_x, val_y = draw_symbols(800, rng)
loader = DataLoader(train_set, batch_size=64, shuffle=True)

net = Cnn()
optimizer = torch.optim.Adam(net.parameters(), lr=0.1)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.85)
epochs = 16

for epoch in range(1, epochs + 1):
    net.train()
    running = 0.0
    for xb, yb in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() * len(xb)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        scores = net(val_x)
        val_loss = F.cross_entropy(scores, val_y).item()
        valid_acc = (scores.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch} train loss {running / len(train_set):.4f} val loss {val_loss:.4f} valid_acc {valid_acc:.4f}")
