from dataclasses import dataclass
import pandas as pd
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


@dataclass
class Config:
    seed = 31
    epochs = 20
    batch = 64
    lr = 1.5e-3
    hidden = 48


def pump_log(n, rng):
    """power drawn by a pump, with an occasional faulty meter"""
    t = pd.DataFrame({"flow": rng.uniform(5, 60, n), "head": rng.uniform(2, 40, n), "speed": rng.uniform(800, 3000, n),
                      "age": rng.exponential(4, n), "oil": rng.choice(["thin", "thick", "none"], n)})
    loss = t.oil.map({"thin": 1.0, "thick": 1.1, "none": 1.3})
    efficiency = 0.75 - 0.012 * t.age - 0.3 * (t.flow / 60 - t.speed / 3000) ** 2
    power = 0.0098 * t.flow * t["head"] * loss / efficiency.clip(0.25) + 1e-3 * (t.speed / 100) ** 2
    t["power"] = power + rng.normal(0, 0.9, n) + (rng.random(n) < 0.03) * rng.normal(0, 25, n)
    return t


cfg = Config()
torch.manual_seed(cfg.seed)
log = pump_log(5000, np.random.default_rng(31))
train, val = log.iloc[:4000], log.iloc[4000:]
numeric = ["flow", "head", "speed", "age"]
mean, std = train[numeric].mean(), train[numeric].std()
centre, spread = train.power.median(), train.power.quantile(0.75) - train.power.quantile(0.25)


def tensors(part):
    x = ((part[numeric] - mean) / std).join(pd.get_dummies(part.oil).astype(float))
    return torch.tensor(x.values, dtype=torch.float32), torch.tensor(((part.power - centre) / spread).values, dtype=torch.float32)


train_x, train_y = tensors(train)
val_x, val_y = tensors(val)
net = nn.Sequential(nn.Linear(7, cfg.hidden), nn.SiLU(), nn.Linear(cfg.hidden, cfg.hidden), nn.SiLU(), nn.Linear(cfg.hidden, 1), nn.Flatten(0))
huber = nn.HuberLoss(delta=0.3)
optimizer = torch.optim.RMSprop(net.parameters(), lr=cfg.lr)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, max(1, cfg.epochs // 4), 0.4)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=cfg.batch, shuffle=True, drop_last=True)
for epoch in range(cfg.epochs):
    net.train()
    seen = [0.0, 0]
    for x, y in loader:
        loss = huber(net(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen[0] += loss.item()
        seen[1] += 1
    scheduler.step()
    net.eval()
    with torch.no_grad():
        guess = net(val_x)
    val_loss = huber(guess, val_y).item()
    print(f"epoch {epoch + 1}: train loss {seen[0] / seen[1]:.5f}, val loss {val_loss:.5f}")
error = ((guess - val_y).abs() * spread).median().item()
print(f"final: median error {error:.2f} kW, spread of the power {spread:.1f} kW")
