import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(5)
rng = np.random.default_rng(seed=5)


def pulse_waves(n, samples=80, rate=20):
    """four seconds of a pulse wave at the wrist; the target is the standardised heart rate, as counted"""
    bpm = rng.uniform(50, 130, n)
    t = np.arange(samples) / rate
    phase = 2 * np.pi * (bpm[:, None] / 60 * t + rng.uniform(0, 1, (n, 1)))
    wave = np.sin(phase) + 0.5 * np.sin(2 * phase + 0.8) + 0.4 * rng.standard_normal((n, samples))
    wave += np.sin(2 * np.pi * 0.25 * t + rng.uniform(0, 6.28, (n, 1)))
    target = (bpm + rng.normal(0, 4, n) - 90) / 23
    return TensorDataset(torch.tensor(wave[:, None], dtype=torch.float32), torch.tensor(target[:, None], dtype=torch.float32))


class PulseNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv1d(1, 16, 9, stride=2), nn.ReLU(),
            nn.Conv1d(16, 24, 7, stride=2), nn.ReLU(),
            nn.AdaptiveAvgPool1d(4), nn.Flatten(),
        )
        self.head = nn.Sequential(nn.Linear(96, 32), nn.Tanh(), nn.Linear(32, 1))

    def forward(self, x):
        return self.head(self.features(x))


class Trainer:
    def __init__(self, model, train_set, val_set, epochs, lr):
        self.model, self.epochs = model, epochs
        self.train_loader = DataLoader(train_set, batch_size=32, shuffle=True)
        self.val_loader = DataLoader(val_set, batch_size=256)
        self.loss_fn = nn.MSELoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=lr)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, epochs)

    def train_epoch(self):
        self.model.train()
        total = 0.0
        for x, y in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.loss_fn(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            total += loss.item()
        self.scheduler.step()
        return total / len(self.train_loader)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        squares = sum(((self.model(x) - y) ** 2).sum().item() for x, y in self.val_loader)
        return squares / len(self.val_loader.dataset)

    def fit(self):
        for epoch in range(1, self.epochs + 1):
            train_loss, val_loss = self.train_epoch(), self.validate()
            print(f"epoch {epoch}: train loss {train_loss:.4f}, val loss {val_loss:.4f}")
        return val_loss


trainer = Trainer(PulseNet(), pulse_waves(1600), pulse_waves(400), epochs=25, lr=0.003)
val_loss = trainer.fit()
print(f"final: val loss {val_loss:.4f}, off by {23 * val_loss ** 0.5:.1f} beats per minute")
