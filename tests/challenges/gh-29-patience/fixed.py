import copy
import math
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

EPOCHS = 28
PATIENCE = 7


def pump_runs(n, rng, steps=16):
    speed = rng.uniform(-1, 1, (n, 1)) + np.cumsum(rng.normal(0, 0.25, (n, steps)), 1)
    valve = rng.uniform(-1, 1, (n, 1)) + np.cumsum(rng.normal(0, 0.25, (n, steps)), 1)
    noise = rng.normal(0, 1, (n, steps))
    energy = (speed * valve).mean(1) + 0.5 * np.abs(speed).mean(1) + rng.normal(0, 0.08, n)
    x = np.stack([speed, valve, noise], 2)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(energy, dtype=torch.float32)


class EnergyGRU(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.gru = nn.GRU(3, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.out(self.gru(x)[0][:, -1]).squeeze(1)


class Trainer:
    def __init__(self, model, train, val):
        self.model = model
        self.train_loader = DataLoader(train, batch_size=40, shuffle=True)
        self.val_loader = DataLoader(val, batch_size=200)
        self.optimizer = torch.optim.RMSprop(model.parameters(), lr=0.004)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, EPOCHS, eta_min=1e-4)
        self.criterion = nn.MSELoss()

    def run_epoch(self):
        self.model.train()
        total = 0.0
        for x, y in self.train_loader:
            self.optimizer.zero_grad()
            loss = self.criterion(self.model(x), y)
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(x)
        self.schedule.step()
        return total / len(self.train_loader.dataset)

    @torch.no_grad()
    def validate(self):
        self.model.eval()
        return sum(self.criterion(self.model(x), y).item() * len(x) for x, y in self.val_loader) / len(self.val_loader.dataset)

    def fit(self):
        best, count = math.inf, 0
        for epoch in range(EPOCHS):
            train_loss = self.run_epoch()
            val_loss = self.validate()
            print(f"epoch {epoch + 1} train loss {train_loss:.5f} val loss {val_loss:.5f} rmse {val_loss ** 0.5:.4f}")
            if val_loss < best:
                best = val_loss
                self.best_state = copy.deepcopy(self.model.state_dict())
                count = 0
            else:
                count += 1
                if count >= PATIENCE:
                    print("no improvement, stopping")
                    break
        self.model.load_state_dict(self.best_state)


torch.manual_seed(5)
rng = np.random.default_rng(5)
x, y = pump_runs(3000, rng)
y = (y - y[:2400].mean()) / y[:2400].std()
trainer = Trainer(EnergyGRU(), TensorDataset(x[:2400], y[:2400]), TensorDataset(x[2400:], y[2400:]))
trainer.fit()
print(f"final val loss {trainer.validate():.5f}")
