import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(9)
X, Y = load_digits(return_X_y=True)
X = torch.tensor(X / 16.0, dtype=torch.float32).view(-1, 1, 8, 8)
Y = torch.tensor(Y)
X = (X - X.mean()) / X.std()
X = X + 0.5 * torch.randn_like(X)


class Backbone(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU())
        self.block = nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))
        self.last = nn.Sequential(nn.Conv2d(32, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten())

    def forward(self, x):
        return self.last(self.block(self.stem(x)))


def pretrain(backbone, x, y):
    """source task: the digits 0..5"""
    net = nn.Sequential(backbone, nn.Linear(128, 6))
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)
    for step in range(200):
        idx = torch.randint(0, len(x), (64,))
        loss = F.cross_entropy(net(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    print(f"pretraining finished, loss {loss.item():.4f}")


source = Y < 6
backbone = Backbone()
pretrain(backbone, X[source], Y[source])

# target task: the digits 6..9, half of them labelled
x, y = X[~source], Y[~source] - 6
perm = torch.randperm(len(x))
train_idx, val_idx = perm[:360], perm[360:]
for p in backbone.parameters():
    p.requires_grad = False
for p in backbone.last.parameters():
    p.requires_grad = True
head = nn.Sequential(nn.Dropout(0.3), nn.Linear(128, 4))
model = nn.Sequential(backbone, head)
optimizer = torch.optim.AdamW([
    {"params": backbone.last.parameters(), "lr": 1e-3},
    {"params": head.parameters(), "lr": 5e-3},
], weight_decay=0.05)
epochs = 55
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)

for epoch in range(epochs):
    model.train()
    backbone.stem.eval()
    backbone.block.eval()
    total = 0.0
    for idx in train_idx[torch.randperm(len(train_idx))].split(36):
        loss = F.cross_entropy(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x[val_idx])
        val_loss = F.cross_entropy(out, y[val_idx]).item()
        acc = (out.argmax(1) == y[val_idx]).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(train_idx):.4f} val loss {val_loss:.4f} val accuracy {acc:.4f}")
