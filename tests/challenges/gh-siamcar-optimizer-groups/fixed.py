import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(3)
images, target = load_digits(return_X_y=True)
images = images.reshape(-1, 1, 8, 8).astype(np.float32)
xa, xb, ya, yb = train_test_split(images, target, test_size=0.3, random_state=0, stratify=target)
mean, std = float(xa.mean()), float(xa.std())
xa, xb = torch.from_numpy((xa - mean) / std), torch.from_numpy((xb - mean) / std)
ya, yb = torch.from_numpy(ya), torch.from_numpy(yb)
xb = xb + 1.2 * torch.randn_like(xb)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        return F.max_pool2d(F.relu(self.conv2(x)), 2)


class ModelBuilder(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = Backbone()
        self.down = nn.Linear(128, 8)
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        features = self.backbone(x).flatten(1)
        return self.head(F.leaky_relu(self.down(features), 0.1))


def build_optimizer(model):
    groups = [{"params": model.backbone.parameters(), "lr": 6e-3}]
    groups += [{"params": model.down.parameters(), "lr": 6e-3}]
    groups += [{"params": model.head.parameters(), "lr": 6e-3}]
    return torch.optim.AdamW(groups, weight_decay=0.02)


model = ModelBuilder()
optimizer = build_optimizer(model)
EPOCHS = 26
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    model.train()
    for idx in torch.randperm(len(xa)).split(32):
        noisy = xa[idx] + 1.2 * torch.randn(len(idx), 1, 8, 8)
        loss = F.cross_entropy(model(noisy), ya[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xb)
        val_loss = F.cross_entropy(out, yb).item()
        val_acc = (out.argmax(1) == yb).float().mean().item()
    print(f"epoch {epoch + 1}/{EPOCHS} loss {loss.item():.4f} val loss {val_loss:.4f} val acc {val_acc:.4f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {val_acc:.4f}")
