import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(14)
rng = np.random.default_rng(14)


def strokes(n, length=96):
    """Pressure at a piston pump: one stroke each, of a sound pump or of one of three worn ones."""
    t = np.linspace(0, 1, length)
    kind = rng.integers(0, 4, n)
    shift = rng.uniform(-0.12, 0.12, (n, 1))
    base = np.sin(2 * np.pi * (t + shift))
    ripple = 0.8 * np.sin(2 * np.pi * 9 * (t + rng.random((n, 1)))) * (t > 0.5)
    spike = 1.6 * np.exp(-((t - 0.3 - shift) / 0.03) ** 2)
    flat = -0.9 * np.clip(base, 0.45, None) + 0.4
    x = base + (kind == 1)[:, None] * ripple + (kind == 2)[:, None] * spike + (kind == 3)[:, None] * flat
    x = x + 0.2 * rng.standard_normal((n, length))
    noted = np.where(rng.random(n) < 0.08, rng.integers(0, 4, n), kind)   # the fitters err now and then
    return torch.tensor(x, dtype=torch.float32).unsqueeze(1), torch.tensor(noted)


class StrokeNet(nn.Module):
    def __init__(self, channels=24, depth=6):
        super().__init__()
        layers, c = [], 1
        for i in range(depth):
            layers += [nn.Conv1d(c, channels, 3, padding=1, stride=2 if i % 3 == 2 else 1), nn.ReLU()]
            c = channels
        self.body = nn.Sequential(*layers)
        self.head = nn.Linear(channels, 4)
        for m in self.body:
            if isinstance(m, nn.Conv1d):
                nn.init.kaiming_uniform_(m.weight)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        return self.head(self.body(x).mean(2))


class Trainer:
    def __init__(self, model, lr):
        self.model = model
        self.optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)
        self.criterion = nn.CrossEntropyLoss()

    def train_epoch(self, loader):
        total = 0.0
        for x, y in loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(x)
        return total / len(loader.dataset)

    @torch.no_grad()
    def validate(self, x, y):
        out = self.model(x)
        return self.criterion(out, y).item(), (out.argmax(1) == y).float().mean().item()

    def fit(self, loader, val, epochs):
        decay = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs)
        for epoch in range(1, epochs + 1):
            train = self.train_epoch(loader)
            decay.step()
            loss, acc = self.validate(*val)
            print(f"epoch {epoch} train loss {train:.4f} val loss {loss:.4f} val accuracy {acc:.3f}")


train = DataLoader(TensorDataset(*strokes(1600)), batch_size=64, shuffle=True)
Trainer(StrokeNet(), lr=0.03).fit(train, strokes(800), epochs=28)
