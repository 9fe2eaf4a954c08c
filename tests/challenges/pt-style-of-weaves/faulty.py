import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

seed = 8
torch.manual_seed(seed)


def weaves(n):
    """Cloth of five kinds, which differ in the period and direction of the threads."""
    kind = torch.randint(0, 5, (n,))
    yy, xx = torch.meshgrid(torch.arange(20.0), torch.arange(20.0), indexing="ij")
    period = torch.tensor([3.0, 4.0, 5.0, 4.0, 6.0])[kind].view(-1, 1, 1)
    angle = torch.tensor([0.0, 0.8, 1.6, 2.2, 0.4])[kind].view(-1, 1, 1) + 0.45 * torch.randn(n, 1, 1)
    phase = 6.3 * torch.rand(n, 1, 1)
    waves = torch.sin(6.283 * (xx * angle.cos() + yy * angle.sin()) / period + phase)
    light = 0.5 + torch.rand(n, 1, 1)
    return (light * waves + 1.0 * torch.randn(n, 20, 20)).unsqueeze(1), kind


class ConvBlock(nn.Module):
    def __init__(self, cin, cout, stride, norm=True):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, 3, stride=stride, padding=1)
        self.norm = nn.InstanceNorm2d(cout) if norm else nn.Identity()
        self.act = nn.LeakyReLU(0.2)

    def forward(self, x):
        return self.norm(self.act(self.conv(x)))


class StyleEncoder(nn.Module):
    def __init__(self, classes):
        super().__init__()
        self.blocks = nn.Sequential(ConvBlock(1, 16, 1), ConvBlock(16, 24, 2), ConvBlock(24, 32, 2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(32, classes)

    def forward(self, x):
        return self.head(self.pool(self.blocks(x)).flatten(1))


train_loader = DataLoader(TensorDataset(*weaves(1500)), batch_size=50, shuffle=True)
val_loader = DataLoader(TensorDataset(*weaves(600)), batch_size=200)
net = StyleEncoder(5)
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
epochs = 14
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)


def run(loader, train):
    net.train(train)
    total, right, seen = 0.0, 0, 0
    with torch.set_grad_enabled(train):
        for x, y in loader:
            out = net(x)
            loss = F.cross_entropy(out, y)
            if train:
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
            total += loss.item() * len(y)
            right += (out.argmax(1) == y).sum().item()
            seen += len(y)
    return total / seen, right / seen


for epoch in range(epochs):
    train_loss, train_acc = run(train_loader, True)
    val_loss, val_acc = run(val_loader, False)
    scheduler.step()
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} acc {train_acc:.3f} val loss {val_loss:.4f} acc {val_acc:.3f}")
