import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

MISSING = -999.0


def river_levels(n, seed, gaps):
    rng = np.random.default_rng(seed)
    rain = rng.gamma(0.6, 1.0, size=(n, 20))
    soil = rng.normal(size=(n, 20))
    decay = 0.8 ** np.arange(20)[::-1]
    level = rain @ decay + 0.3 * soil[:, -1] * rain[:, -1]
    level = (level - 2.95) / 1.35 + 0.3 * rng.normal(size=n)
    if gaps:
        level[rng.random(n) < 0.004] = MISSING
    x = np.stack([(rain - 0.6) / 0.77, soil], -1)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(level, dtype=torch.float32)


class LevelModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(2, 24, batch_first=True)
        self.lin = nn.Linear(24, 1)

    def forward(self, x):
        return self.lin(self.rnn(x)[0][:, -1]).squeeze(-1)


class Trainer:
    def __init__(self, model, epochs):
        self.model, self.epochs = model, epochs
        self.opt = torch.optim.Adam(model.parameters(), lr=6e-3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)
        self.loss = nn.MSELoss()

    def train_epoch(self, loader):
        self.model.train()
        total = 0.0
        for xb, yb in loader:
            self.opt.zero_grad()
            loss = self.loss(self.model(xb), yb)
            loss.backward()
            self.opt.step()
            total += loss.item()
        self.sched.step()
        return total / len(loader)

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        return self.loss(self.model(x), y).item()

    def fit(self, loader, x, y):
        for epoch in range(1, self.epochs + 1):
            tl = self.train_epoch(loader)
            vl = self.evaluate(x, y)
            print(f"epoch {epoch} train loss {tl:.4f} val loss {vl:.4f}")
        return vl


torch.manual_seed(40)
x, y = river_levels(3000, 40, gaps=True)
keep = y != MISSING
x, y = x[keep], y[keep]
vx, vy = river_levels(800, 41, gaps=False)
loader = DataLoader(TensorDataset(x, y), batch_size=60, shuffle=True)
result = Trainer(LevelModel(), epochs=20).fit(loader, vx, vy)
print(f"final: val loss {result:.3f}")
