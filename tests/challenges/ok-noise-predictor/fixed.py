import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_swiss_roll

torch.manual_seed(35)
T = 60
alpha_bar = torch.cos(torch.linspace(0.05, 1.5, T)) ** 2


def roll(n, seed):
    pts = torch.tensor(make_swiss_roll(n, noise=0.5, random_state=seed)[0][:, [0, 2]], dtype=torch.float32)
    return (pts - pts.new_tensor([2.0, 0.2])) / 7.0


class Denoiser(nn.Module):
    def __init__(self, width=96):
        super().__init__()
        self.time = nn.Linear(16, width)
        self.inp = nn.Linear(2, width)
        self.mid = nn.Linear(width, width)
        self.out = nn.Linear(width, 2)
        self.register_buffer("freq", torch.exp(torch.linspace(0, math.log(30.0), 8)))

    def forward(self, x, t):
        angle = (t.float() / T)[:, None] * self.freq
        h = F.silu(self.inp(x) + self.time(torch.cat([angle.sin(), angle.cos()], 1)))
        h = h + F.silu(self.mid(h))
        return self.out(h)


def loss_on(model, x0, t, eps):
    a = alpha_bar[t][:, None]
    return F.mse_loss(model(a.sqrt() * x0 + (1 - a).sqrt() * eps, t), eps)


train, val = roll(4000, 0), roll(2000, 1)
val_t, val_eps = torch.randint(0, T, (2000,)), torch.randn(2000, 2)
model = Denoiser()
epochs = 24
opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 3e-3, epochs=epochs, steps_per_epoch=40)
for epoch in range(1, epochs + 1):
    model.train()
    run = 0.0
    for b in torch.randperm(4000).split(100):
        loss = loss_on(model, train[b], torch.randint(0, T, (len(b),)), torch.randn(len(b), 2))
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        sched.step()
        run += loss.item() / 40
    model.eval()
    with torch.no_grad():
        v = loss_on(model, val, val_t, val_eps).item()
    print(f"epoch {epoch} train loss {run:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.3f}")
