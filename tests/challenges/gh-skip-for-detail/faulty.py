"""Vibration monitor: an autoencoder learns the healthy machine, its reconstruction error is the alarm."""
import math
import torch
from torch import nn, optim
from torch.nn import functional as F
from sklearn.metrics import roc_auc_score

torch.manual_seed(31)
N = 48


def healthy(n):
    t = torch.linspace(0, 1, N)
    phase = 2 * math.pi * torch.rand(n, 1)
    amp = 0.6 + 0.8 * torch.rand(n, 1)
    speed = 2 + torch.rand(n, 1)
    wave = amp * (torch.sin(2 * math.pi * speed * t + phase) + 0.4 * torch.sin(4 * math.pi * speed * t + 2 * phase))
    return wave + 0.08 * torch.randn(n, N)


def worn(n):
    """The same machine with a knocking bearing: a short burst of a higher frequency somewhere."""
    t = torch.linspace(0, 1, N)
    where = 0.15 + 0.7 * torch.rand(n, 1)
    burst = torch.exp(-((t - where) / 0.08) ** 2) * torch.sin(2 * math.pi * 11 * t)
    return healthy(n) + 0.7 * burst


class Monitor(nn.Module):
    def __init__(self, code=4):
        super().__init__()
        self.enc1 = nn.Linear(N, 96)
        self.enc2 = nn.Linear(96, 48)
        self.code = nn.Linear(48, code)
        self.dec1 = nn.Linear(code, 48)
        self.dec2 = nn.Linear(48, 96)
        self.out = nn.Linear(96, N)

    def forward(self, x):
        a = F.elu(self.enc1(x))
        b = F.elu(self.enc2(a))
        d = F.elu(self.dec1(self.code(b)))
        d = F.elu(self.dec2(d))
        return x + self.out(d)


train_x, valid_x, worn_x = healthy(3000), healthy(600), worn(600)
mon = Monitor()
opt = optim.Adam(mon.parameters(), lr=2e-3)
EPOCHS = 40
sch = optim.lr_scheduler.OneCycleLR(opt, 4e-3, total_steps=EPOCHS * 47)
for epoch in range(EPOCHS):
    mon.train()
    running = 0.
    for part in torch.randperm(3000).split(64):
        x = train_x[part]
        loss = F.mse_loss(mon(x), x)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        opt.step()
        sch.step()
        running += loss.item() * len(part) / 3000
    mon.eval()
    with torch.no_grad():
        ok, bad = ((mon(v) - v).pow(2).mean(1) for v in (valid_x, worn_x))
    auc = roc_auc_score([0] * len(ok) + [1] * len(bad), torch.cat([ok, bad]).numpy())
    print(f"epoch {epoch} train loss {running:.3g} val loss {ok.mean():.3g} worn {bad.mean():.3g} auc {auc:.3f}")
