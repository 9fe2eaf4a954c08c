import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)
LENGTH = 48


def recordings(n):
    kind = torch.randint(0, 4, (n,))
    t = torch.arange(LENGTH) / LENGTH * 2 * math.pi
    phase = torch.rand(n, 1) * 2 * math.pi
    freq = 3 + torch.rand(n, 1)
    wave = freq * t + phase
    shapes = torch.stack([torch.sin(wave), torch.sign(torch.sin(wave)), torch.sin(wave) ** 3 * 1.3, torch.asin(torch.sin(wave)) / 1.57], 1)
    x = shapes[torch.arange(n), kind] + 0.45 * torch.randn(n, LENGTH)
    return x.unsqueeze(1) / 0.85, kind


class Monitor:
    def __init__(self, patience, min_delta):
        self.patience, self.min_delta = patience, min_delta
        self.best, self.bad = math.inf, 0

    def stop(self, value):
        if value < self.best - self.min_delta:
            self.best, self.bad = value, 0
        else:
            self.bad += 1
        return self.bad >= self.patience


class ShapeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv1d(1, 12, 7, padding=3)
        self.c2 = nn.Conv1d(12, 16, 5, padding=2)
        self.fc = nn.Linear(32, 4)

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.c1(x)), 2)
        x = F.relu(self.c2(x))
        return self.fc(torch.cat([x.mean(2), x.amax(2)], 1))


train_loader = DataLoader(TensorDataset(*recordings(6000)), batch_size=64, shuffle=True)
val_loader = DataLoader(TensorDataset(*recordings(1000)), batch_size=250)
net = ShapeNet()
epochs = 16
opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
monitor = Monitor(patience=1, min_delta=0.1)
for epoch in range(1, epochs + 1):
    net.train()
    train_loss = 0.0
    for xb, yb in train_loader:
        loss = F.cross_entropy(net(xb), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        train_loss += loss.item() / len(train_loader)
    sched.step()
    net.eval()
    val_loss = val_acc = 0.0
    with torch.no_grad():
        for xb, yb in val_loader:
            out = net(xb)
            val_loss += F.cross_entropy(out, yb).item() / len(val_loader)
            val_acc += (out.argmax(1) == yb).float().mean().item() / len(val_loader)
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {val_acc:.3f}")
    if monitor.stop(val_loss):
        print("early stopping")
        break
print(f"final: val loss {val_loss:.3f}, val accuracy {val_acc:.3f}, {epoch} epochs")
