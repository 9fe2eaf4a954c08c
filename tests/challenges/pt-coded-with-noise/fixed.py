import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from sklearn.datasets import load_digits


class AdditiveNoise(nn.Module):
    def __init__(self, power):
        super().__init__()
        self.power = power

    def forward(self, x):
        if not self.training:
            return x
        return x + self.power * torch.randn_like(x)

    def extra_repr(self):
        return f"power={self.power}"


class NoisyNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            AdditiveNoise(0.8), nn.Linear(64, 128), nn.LayerNorm(128), nn.ELU(),
            AdditiveNoise(0.7), nn.Linear(128, 64), nn.LayerNorm(64), nn.ELU(),
            nn.Linear(64, 10))

    def forward(self, x):
        return self.layers(x)


class Trainer:
    def __init__(self, model, lr, batch_size):
        self.model = model
        self.optimizer = torch.optim.RMSprop(model.parameters(), lr=lr, weight_decay=1e-3)
        self.loss_fn = nn.CrossEntropyLoss()
        self.batch_size = batch_size

    def train_epoch(self, data):
        self.model.train()
        total = 0.0
        for x, y in DataLoader(data, batch_size=self.batch_size, shuffle=True):
            loss = self.loss_fn(self.model(x), y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(x)
        return total / len(data)

    def validate(self, data):
        self.model.eval()
        total, right = 0.0, 0
        with torch.no_grad():
            for x, y in DataLoader(data, batch_size=200):
                out = self.model(x)
                total += self.loss_fn(out, y).item() * len(x)
                right += (out.argmax(1) == y).sum().item()
        return total / len(data), right / len(data)

    def fit(self, train, val, epochs):
        schedule = torch.optim.lr_scheduler.LinearLR(self.optimizer, 1.0, 0.05, epochs)
        for epoch in range(1, epochs + 1):
            tr = self.train_epoch(train)
            va, acc = self.validate(val)
            schedule.step()
            print(f"epoch {epoch} train loss {tr:.4f} val loss {va:.4f} val accuracy {acc:.4f}")


def main():
    torch.manual_seed(3)
    digits = load_digits()
    order = np.random.default_rng(3).permutation(len(digits.data))
    x = torch.tensor(digits.data[order] / 8 - 1, dtype=torch.float32)
    x = x + 0.6 * torch.randn_like(x)
    y = torch.tensor(digits.target[order])
    trainer = Trainer(NoisyNet(), lr=1e-3, batch_size=40)
    epochs = 30
    trainer.fit(TensorDataset(x[:1250], y[:1250]), TensorDataset(x[1250:], y[1250:]), epochs)


if __name__ == "__main__":
    main()
