import math
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def textures(n, g, size=16):
    """stripes of six directions under changing light"""
    y = torch.randint(0, 6, (n,), generator=g)
    angle = y * math.pi / 6 + 0.1 * torch.randn(n, generator=g)
    freq = 1.0 + 0.5 * torch.rand(n, generator=g)
    phase = 2 * math.pi * torch.rand(n, generator=g)
    r, c = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    wave = torch.cos(angle)[:, None, None] * c + torch.sin(angle)[:, None, None] * r
    x = torch.sin(freq[:, None, None] * wave + phase[:, None, None])
    x = 0.3 * x + 0.4 * torch.randn(n, size, size, generator=g)
    return x.unsqueeze(1), y


def conv(i, o, stride=1):
    return nn.Sequential(nn.Conv2d(i, o, 3, stride=stride, padding=1), nn.BatchNorm2d(o), nn.ReLU())


class TextureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(conv(1, 12), conv(12, 12), conv(12, 24, 2), conv(24, 24), conv(24, 24), conv(24, 32, 2),
                                      conv(32, 32), conv(32, 32))
        self.drop = nn.Dropout(0.3)
        self.fc = nn.Linear(32, 6)

    def forward(self, x):
        return self.fc(self.drop(self.features(x).mean((2, 3))))


def validate(model, loader, criterion):
    model.eval()
    loss, hits, n = 0.0, 0, 0
    with torch.no_grad():
        for x, y in loader:
            out = model(x)
            loss += criterion(out, y).item() * len(y)
            hits += (out.argmax(1) == y).sum().item()
            n += len(y)
    return loss / n, hits / n


def train_epoch(model, loader, criterion, optimizer, scheduler):
    model.train()
    total, n = 0.0, 0
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        total += loss.item() * len(y)
        n += len(y)
    return total / n


def main(epochs=11):
    torch.manual_seed(5)
    g = torch.Generator().manual_seed(5)
    train = DataLoader(TensorDataset(*textures(1200, g)), batch_size=50, shuffle=True)
    val = DataLoader(TensorDataset(*textures(400, g)), batch_size=200)
    model = TextureNet()
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * len(train))
    loss, acc = validate(model, val, criterion)
    print(f"before training: validation loss {loss:.4f}, accuracy {acc:.3f}")
    for epoch in range(1, epochs + 1):
        train_loss = train_epoch(model, train, criterion, optimizer, scheduler)
        loss, acc = validate(model, val, criterion)
        print(f"epoch {epoch} train loss {train_loss:.4f} val loss {loss:.4f} accuracy {acc:.3f}")


if __name__ == "__main__":
    main()
