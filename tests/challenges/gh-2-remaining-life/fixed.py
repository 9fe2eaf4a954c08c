import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def bearings(n, steps=30):
    """temperature and vibration of a bearing in its last thirty checks, and the hours it has left"""
    life = torch.rand(n) * 9000 + 500
    rate = 1.0 / life
    age = torch.arange(steps).float() * 60
    wear = (age[None] - steps * 60) * rate[:, None] + torch.exp(-life / 3000)[:, None] * 2
    vibration = wear.clamp(min=-3) + 0.15 * torch.randn(n, steps)
    heat = 0.5 * wear ** 2 + 0.3 * torch.randn(n, 1) + 0.15 * torch.randn(n, steps)
    load = torch.randn(n, 1) + 0.3 * torch.randn(n, steps)
    return torch.stack([vibration + 0.1 * load, heat, load], 2), life


class LifeGRU(nn.Module):
    def __init__(self, features=3, hidden=24):
        super().__init__()
        self.gru = nn.GRU(features, hidden, batch_first=True)
        self.out = nn.Sequential(nn.Linear(hidden, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        _, h = self.gru(x)
        return self.out(h[-1]).squeeze(-1)


class Experiment:
    def __init__(self, seed=31):
        torch.manual_seed(seed)
        x, life = bearings(1600)
        x = (x - x[:1200].mean((0, 1))) / x[:1200].std((0, 1))
        self.mean, self.std = life[:1200].mean(), life[:1200].std()
        y = (life - self.mean) / self.std
        self.train_loader = DataLoader(TensorDataset(x[:1200], y[:1200]), batch_size=40, shuffle=True)
        self.val = x[1200:], y[1200:], life[1200:]
        self.net = LifeGRU()
        self.loss = nn.MSELoss()

    def evaluate(self):
        self.net.eval()
        x, y, life = self.val
        with torch.no_grad():
            out = self.net(x)
            hours = out * self.std + self.mean
            return self.loss(out, y).item(), (hours - life).abs().mean().item()

    def run(self, epochs=16, lr=5e-3):
        opt = torch.optim.Adam(self.net.parameters(), lr=lr)
        sched = torch.optim.lr_scheduler.OneCycleLR(opt, lr, total_steps=epochs * len(self.train_loader))
        for epoch in range(epochs):
            self.net.train()
            for x, y in self.train_loader:
                opt.zero_grad()
                self.loss(self.net(x), y).backward()
                nn.utils.clip_grad_norm_(self.net.parameters(), 10.0)
                opt.step()
                sched.step()
            val_loss, hours = self.evaluate()
            print(f"epoch {epoch + 1}: val loss {val_loss:.4f}, off by {hours:.0f} hours")
        life = self.val[2]
        print(f"final: off by {hours:.0f} hours, the mean life by {(life - self.mean).abs().mean().item():.0f}")


Experiment().run()
