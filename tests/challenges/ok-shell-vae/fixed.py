import math
import torch
import torch.nn as nn
import torch.nn.functional as F

ANGLES, LATENT = 40, 8
EPOCHS = 40


def outlines(n):
    """Radius of a mussel shell in 40 directions: length, curvature and tilt vary, the growth edge is a little frayed."""
    a = torch.arange(ANGLES) * (2 * math.pi / ANGLES)
    length, bend, tilt = torch.randn(3, n, 1)
    r = 1 + (0.25 + 0.06 * length) * torch.cos(2 * (a - 0.2 * tilt)) + (0.12 + 0.08 * bend) * torch.cos(3 * a) + 0.05 * length * torch.cos(a)
    return (r + 0.03 * torch.randn(n, ANGLES) - 1) / 0.25


class ShellVAE(nn.Module):
    def __init__(self, hidden=96):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(ANGLES, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU(), nn.Linear(hidden, 2 * LATENT))
        self.dec = nn.Sequential(nn.Linear(LATENT, hidden), nn.ELU(), nn.Linear(hidden, hidden), nn.ELU(), nn.Linear(hidden, ANGLES))
        self.log_sigma = nn.Parameter(torch.tensor(-1.0))

    def terms(self, x):
        mu, logvar = self.enc(x).chunk(2, dim=1)
        z = mu + torch.randn_like(mu) * (logvar / 2).exp()
        nll = F.gaussian_nll_loss(self.dec(z), x, (2 * self.log_sigma).exp().expand_as(x), full=True, reduction="sum") / len(x)
        kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(0) / len(x)
        return nll, kl


torch.manual_seed(9)
train, val = outlines(3000), outlines(1000)
vae = ShellVAE()
optimizer = torch.optim.Adam(vae.parameters(), lr=2e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    weight = min(1.0, (epoch + 1) / 8)
    total = 0.0
    for idx in torch.randperm(len(train)).split(100):
        nll, kl = vae.terms(train[idx])
        loss = nll + weight * kl.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += (nll + kl.sum()).item() / 30
    scheduler.step()
    with torch.no_grad():
        nll, kl = vae.terms(val)
        val_loss = (nll + kl.sum()).item()
    print(f"epoch {epoch + 1} train loss {total:.3f} val loss {val_loss:.3f} kl {kl.sum():.3f} latents in use {(kl > 0.05).sum().item()}")
