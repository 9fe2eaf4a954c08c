import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 7
torch.manual_seed(SEED)


class AngularMargin(nn.Module):
    """Cross entropy on scaled cosines; the angle to the own class is widened by a margin while training."""

    def __init__(self, dim, classes, scale=8.0, margin=0.1):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.xavier_uniform_(self.weight)
        self.scale, self.margin = scale, margin

    def cosines(self, z):
        return F.linear(F.normalize(z), F.normalize(self.weight))

    def forward(self, z, y, margin=True):
        cos = self.cosines(z)
        if margin:
            angle = torch.acos(cos.clamp(-1 + 1e-5, 1 - 1e-5))
            wide = torch.cos((angle + self.margin).clamp(max=math.pi))
            cos = torch.where(F.one_hot(y, cos.shape[1]).bool(), wide, cos)
        return F.cross_entropy(self.scale * cos, y)


class Backbone(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.PReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.PReLU(), nn.MaxPool2d(2))
        self.embed = nn.Sequential(nn.Linear(32 * 4, dim), nn.BatchNorm1d(dim))

    def forward(self, x):
        return self.embed(self.features(x).flatten(1))


bunch = load_digits()
images = torch.tensor(bunch.images / 8 - 1, dtype=torch.float32).unsqueeze(1)
labels = torch.tensor(bunch.target)
tr, va = train_test_split(range(len(images)), test_size=0.3, stratify=labels, random_state=SEED)
train_x, train_y, val_x, val_y = images[tr], labels[tr], images[va], labels[va]
val_x = val_x + 0.6 * torch.randn_like(val_x)

net = Backbone(3)
criterion = AngularMargin(3, 10)
optimizer = torch.optim.AdamW(net.parameters(), lr=1.5e-2, weight_decay=1e-2)

epochs = 36
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    net.train()
    total = 0.0
    for idx in torch.randperm(len(train_x)).split(40):
        x = train_x[idx]
        loss = criterion(net(x + 0.6 * torch.randn_like(x)), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        z = net(val_x)
        val = criterion(z, val_y, margin=False).item()
        acc = (criterion.cosines(z).argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(train_x):.4f} val loss {val:.4f} val accuracy {acc:.4f}")
