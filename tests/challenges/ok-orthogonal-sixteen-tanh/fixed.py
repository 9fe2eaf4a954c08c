"""Wear of a gearbox from eight readings with a deep and slim tanh network."""
import torch
from torch import nn


class GearNet(nn.Module):
    def __init__(self, depth=16, width=24):
        super().__init__()
        sizes = [8] + [width] * depth
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in zip(sizes, sizes[1:]))
        self.wear = nn.Linear(width, 1)
        for layer in self.layers:
            nn.init.orthogonal_(layer.weight, gain=1.1)
            nn.init.zeros_(layer.bias)

    def forward(self, readings):
        for layer in self.layers:
            readings = torch.tanh(layer(readings))
        return self.wear(readings)


def gearboxes(count):
    readings = torch.randn(count, 8)
    wear = torch.sin(readings[:, 0]) + 0.5 * readings[:, 1] * readings[:, 2] + 0.4 * readings[:, 3:6].sum(1)
    return readings, (wear + 0.35 * torch.randn(count)).unsqueeze(1)


class Fit:
    def __init__(self, epochs=20, seed=4):
        torch.manual_seed(seed)
        self.epochs = epochs
        self.train_pair, self.val_pair = gearboxes(2500), gearboxes(800)
        self.net = GearNet()
        self.loss = nn.MSELoss()
        self.optimizer = torch.optim.Adam(self.net.parameters(), lr=1e-3, betas=(0.9, 0.99))
        self.schedule = torch.optim.lr_scheduler.ExponentialLR(self.optimizer, 0.86)

    def one_epoch(self):
        x, y = self.train_pair
        total = 0.0
        for index in torch.randperm(len(x)).split(50):
            loss = self.loss(self.net(x[index]), y[index])
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(index)
        self.schedule.step()
        return total / len(x)

    def run(self):
        for epoch in range(1, self.epochs + 1):
            train = self.one_epoch()
            with torch.no_grad():
                x, y = self.val_pair
                val = self.loss(self.net(x), y).item()
            print(f"epoch {epoch} train loss {train:.4f} val loss {val:.4f} r2 {1 - val / y.var().item():.3f}")


Fit().run()
