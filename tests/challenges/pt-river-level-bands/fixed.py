# %%
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 31
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)

# %% one gauge, ten years of daily levels, rain of the day before
days = 2600
rain = rng.gamma(0.5, 1.6, days) * (rng.random(days) < 0.45)
level = np.zeros(days)
for d in range(1, days):
    level[d] = 0.86 * level[d - 1] + 0.5 * rain[d - 1] + (0.05 + 0.12 * rain[d - 1]) * rng.standard_normal()
series = np.stack([level, rain], 1)
mu, sd = series[:2000].mean(0), series[:2000].std(0)
series = torch.tensor((series - mu) / sd, dtype=torch.float32)

W = 20
windows = series.unfold(0, W + 1, 1).transpose(1, 2)
inputs, target = windows[:, :W], windows[:, W, 0]
x_train, y_train, x_val, y_val = inputs[:1980], target[:1980], inputs[2000:], target[2000:]


# %%
class BandGRU(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(2, hidden, batch_first=True)
        self.mean = nn.Linear(hidden, 1)
        self.var = nn.Linear(hidden, 1)

    def forward(self, x):
        h = self.gru(x)[0][:, -1]
        return self.mean(h).squeeze(1), F.softplus(self.var(h)).squeeze(1) + 1e-3


def nll(mean, var, y):
    return (0.5 * torch.log(var) + 0.5 * (y - mean) ** 2 / var).mean()


# %%
net = BandGRU()
opt = torch.optim.Adagrad(net.parameters(), lr=0.03)
epochs = 14
for epoch in range(epochs):
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(45):
        mean, var = net(x_train[idx])
        loss = nll(mean, var, y_train[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx) / len(x_train)
    with torch.no_grad():
        mean, var = net(x_val)
        val_loss = nll(mean, var, y_val).item()
        inside = ((y_val - mean).abs() < 1.64 * var.sqrt()).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val_loss:.4f} inside the 90 % band {inside:.3f}")
