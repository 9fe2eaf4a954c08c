import math
import torch
import torch.nn as nn

torch.manual_seed(12)
POINTS, LATENT = 48, 4
EPOCHS = 40


def curves(n):
    """Load curves of one day: a morning and an evening peak of varying time, height and width."""
    t = torch.linspace(0, 24, POINTS)
    a, b = 7 + 1.5 * torch.randn(n, 1), 18 + 1.5 * torch.randn(n, 1)
    ha, hb = 0.3 + 0.6 * torch.rand(n, 1), 0.3 + 0.6 * torch.rand(n, 1)
    y = ha * torch.exp(-((t - a) / 2) ** 2) + hb * torch.exp(-((t - b) / 2.5) ** 2)
    return y + 0.03 * torch.randn(n, POINTS)


class CurveVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(POINTS, 96), nn.Tanh(), nn.Linear(96, 48), nn.Tanh())
        self.mean, self.log_var = nn.Linear(48, LATENT), nn.Linear(48, LATENT)
        self.dec = nn.Sequential(nn.Linear(LATENT, 48), nn.Tanh(), nn.Linear(48, 96), nn.Tanh(), nn.Linear(96, POINTS))

    def forward(self, x):
        h = self.enc(x)
        m, lv = self.mean(h), self.log_var(h)
        z = m + torch.exp(lv / 2) * torch.randn_like(m)
        return self.dec(z), m, lv


def elbo_terms(x, x_hat, m, lv, sigma=0.1):
    sq = (x - x_hat) ** 2 / (2 * sigma ** 2)
    rec = sq.sum(dim=1).mean()
    kl_each = 0.5 * (m ** 2 + lv.exp() - lv - 1)
    kl = kl_each.sum(dim=1).mean()
    return rec, kl


train, val = curves(3000), curves(600)
vae = CurveVAE()
opt = torch.optim.RMSprop(vae.parameters(), lr=1e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
for epoch in range(1, EPOCHS + 1):
    vae.train()
    total = 0.0
    for b in torch.randperm(len(train)).split(100):
        rec, kl = elbo_terms(train[b], *vae(train[b]))
        loss = rec + kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(b) / len(train)
    sched.step()
    vae.eval()
    with torch.no_grad():
        x_hat, m, lv = vae(val)
        rec, kl = elbo_terms(val, x_hat, m, lv)
        rmse = (val - x_hat).pow(2).mean().sqrt().item()
    print(f"epoch {epoch} train loss {total:.3f} val loss {(rec + kl).item():.3f} (rec {rec.item():.3f}, kl {kl.item():.4f}) rmse {rmse:.4f}")
print(f"rmse {rmse:.4f}, rmse of the mean curve {val.sub(train.mean(0)).pow(2).mean().sqrt():.4f}, spread of the codes {m.std(0).mean():.4f}")
