"""Oak or beech? A small CNN on patches of wood, labelled by hand."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

seed = 7
epochs = 40
torch.manual_seed(seed)
rng = np.random.default_rng(seed)


def patches(n):
    species = rng.integers(0, 2, n)
    x = rng.normal(0, 1, (n, 16, 16))
    along = np.where(species[:, None, None] == 1, np.roll(x, 1, 1) + np.roll(x, 2, 1), np.roll(x, 1, 2) + np.roll(x, 2, 2))
    x = x + 0.45 * along + rng.normal(0, 0.6, (n, 1, 1))
    mistaken = rng.random(n) < 0.06
    species = np.where(mistaken, 1 - species, species)
    return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(species)


class WoodNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3), nn.ReLU(),
            nn.Conv2d(16, 16, 3), nn.ReLU())
        self.classifier = nn.Sequential(
            nn.Flatten(), nn.Linear(16 * 144, 128), nn.ReLU(), nn.Linear(128, 2))

    def forward(self, x):
        return self.classifier(self.features(x))


x_train, y_train = patches(320)
x_val, y_val = patches(600)
model = WoodNet()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)

for epoch in range(epochs):
    model.train()
    total, right = 0.0, 0
    for rows in torch.randperm(len(x_train)).split(16):
        optimizer.zero_grad()
        output = model(x_train[rows])
        loss = F.cross_entropy(output, y_train[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
        right += (output.argmax(1) == y_train[rows]).sum().item()
    model.eval()
    with torch.no_grad():
        output = model(x_val)
        val_loss = F.cross_entropy(output, y_val).item()
        val_acc = (output.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(x_train):.4f} acc {right / len(x_train):.3f} val loss {val_loss:.4f} acc {val_acc:.3f}")
