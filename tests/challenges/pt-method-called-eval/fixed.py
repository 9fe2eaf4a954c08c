import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class LeafNet(nn.Module):
    """Which of six leaf outlines is in the picture?"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, padding=1)
        self.bn1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(32)
        self.drop = nn.Dropout(0.4)
        self.fc1 = nn.Linear(32 * 16, 64)
        self.fc2 = nn.Linear(64, 6)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.bn2(self.conv2(x))), 2)
        x = self.drop(x.flatten(1))
        return self.fc2(self.drop(F.relu(self.fc1(x))))

    def fit(self, loader, optimizer):
        self.train()
        total = 0.0
        for x, y in loader:
            optimizer.zero_grad()
            loss = F.cross_entropy(self(x), y)
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / len(loader)

    def evaluate(self, loader):
        self.eval()
        loss, right, n = 0.0, 0, 0
        with torch.no_grad():
            for x, y in loader:
                out = self(x)
                loss += F.cross_entropy(out, y, reduction="sum").item()
                right += (out.argmax(1) == y).sum().item()
                n += len(y)
        return loss / n, right / n


def leaves(n):
    """Outlines r(phi) with 2 to 7 lobes, turned a little, on a noisy 16 x 16 picture."""
    y = torch.randint(0, 6, (n,))
    axis = torch.linspace(-1, 1, 16)
    gy, gx = torch.meshgrid(axis, axis, indexing="ij")
    dx, dy = (torch.rand(2, n, 1, 1) - 0.5) * 0.3
    radius = ((gx - dx) ** 2 + (gy - dy) ** 2).sqrt()
    angle = torch.atan2(gy - dy, gx - dx)
    turn = 0.8 * torch.rand(n, 1, 1)
    edge = 0.55 + 0.25 * torch.cos((y + 2).view(-1, 1, 1) * angle + turn)
    x = torch.sigmoid((edge - radius) * 12)
    y = torch.where(torch.rand(n) < 0.06, torch.randint(0, 6, (n,)), y)  # some are named wrongly
    return (x + 0.5 * torch.randn(n, 16, 16)).unsqueeze(1) - 0.35, y


torch.manual_seed(4)
train = DataLoader(TensorDataset(*leaves(2200)), batch_size=64, shuffle=True)
valid = DataLoader(TensorDataset(*leaves(800)), batch_size=64)
net = LeafNet()
epochs = 12
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.02)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 4e-3, epochs=epochs, steps_per_epoch=1)
for epoch in range(1, epochs + 1):
    train_loss = net.fit(train, opt)
    sched.step()
    val_loss, val_acc = net.evaluate(valid)
    print(f"epoch {epoch:2d} | train loss {train_loss:.4f} | val loss {val_loss:.4f} | val acc {val_acc:.3f}")
print(f"final: val loss {val_loss:.3f} val accuracy {val_acc:.3f}")
