import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

SEED = 7
EPOCHS = 24
torch.manual_seed(SEED)
data = load_digits()
images = torch.tensor(data.images / 16, dtype=torch.float32).unsqueeze(1)
images = images + 0.35 * torch.randn_like(images)
labels = torch.tensor(data.target)
order = torch.randperm(len(images))
train_idx, val_idx = order[:1300], order[1300:]
SHIFTS = [(0, 0), (1, 0), (-1, 0), (0, 1), (0, -1)]


def shifted(x, dy, dx):
    return torch.roll(x, (dy, dx), (2, 3))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.b1 = nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16)
        self.c2, self.b2 = nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32)
        self.drop = nn.Dropout(0.4)
        self.out = nn.Linear(32 * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(F.elu(self.b1(self.c1(x))), 2)
        x = F.max_pool2d(F.elu(self.b2(self.c2(x))), 2)
        return self.out(self.drop(x.flatten(1)))


def predict(net, x):
    """The mean of the probabilities of five views, each shifted by a pixel."""
    net.eval()
    with torch.no_grad():
        views = [net(shifted(x, dy, dx)).softmax(1) for dy, dx in SHIFTS]
    net.train()
    return torch.stack(views).mean(0)


net = Net()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    losses = []
    for b in train_idx[torch.randperm(len(train_idx))].split(50):
        dy, dx = SHIFTS[torch.randint(0, len(SHIFTS), (1,)).item()]
        noisy = shifted(images[b], dy, dx) + 0.2 * torch.randn(len(b), 1, 8, 8)
        loss = F.cross_entropy(net(noisy), labels[b], label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    p = predict(net, images[val_idx])
    val_loss = F.nll_loss(p.log(), labels[val_idx]).item()
    acc = (p.argmax(1) == labels[val_idx]).float().mean().item()
    print(f"epoch {epoch} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} val accuracy {acc:.3f}")
