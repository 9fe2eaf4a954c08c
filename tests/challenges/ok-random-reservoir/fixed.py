import numpy as np
import torch
from torch import nn


def mackey_glass(length, seed=10):
    rng = np.random.default_rng(seed)
    x = list(1.2 + 0.25 * rng.normal(size=18))
    for _ in range(length * 1 + 300):
        x.append(x[-1] + 0.2 * x[-18] / (1 + x[-18] ** 10) - 0.1 * x[-1])
    x = np.array(x[318:])
    return torch.tensor((x - x.mean()) / x.std() + 0.25 * rng.normal(size=len(x)), dtype=torch.float32)


class EchoState(nn.Module):
    """a random recurrent network that stays as it is; only the readout learns"""

    def __init__(self, size=120, radius=0.9):
        super().__init__()
        w = torch.randn(size, size) * (torch.rand(size, size) < 0.1)
        self.register_buffer("recurrent", w * (radius / torch.linalg.eigvals(w).abs().max()))
        self.register_buffer("entry", torch.rand(size) - 0.5)
        self.readout = nn.Sequential(nn.Linear(size, 32), nn.ReLU(), nn.Linear(32, 1))

    @torch.no_grad()
    def states(self, series):
        h, out = torch.zeros(len(self.entry)), []
        for value in series:
            h = 0.5 * h + 0.5 * torch.tanh(self.recurrent @ h + self.entry * value)
            out.append(h)
        return torch.stack(out)

    def forward(self, states):
        return self.readout(states).squeeze(-1)


torch.manual_seed(10)
series = mackey_glass(3000)
model = EchoState()
ahead = 6
states = model.states(series[:-ahead])[100:]
mean, std = states[:2000].mean(0), states[:2000].std(0)
states, target = (states - mean) / std, series[100 + ahead:]
x, y, x_val, y_val = states[:2000], target[:2000], states[2050:], target[2050:]
epochs = 30
optimizer = torch.optim.AdamW(model.readout.parameters(), lr=5e-3, weight_decay=0.3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    total = 0.0
    for idx in torch.randperm(len(x)).split(50):
        loss = nn.functional.mse_loss(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(x)
    scheduler.step()
    with torch.no_grad():
        val_loss = nn.functional.mse_loss(model(x_val), y_val).item()
    print(f"epoch {epoch + 1}, loss {total:.4f}, val loss {val_loss:.4f}")
repeated = nn.functional.mse_loss(series[100:-ahead][2050:], y_val).item()
print(f"final: val loss {val_loss:.4f}, last value repeated {repeated:.4f}, noise 0.0625")
