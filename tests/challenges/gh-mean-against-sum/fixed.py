import math
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(55)
POINTS, NOISE = 40, 0.3


def curves(n):
    t = torch.linspace(0, 1, POINTS)
    amp, shift, slope = torch.randn(3, n, 1)
    clean = amp * torch.sin(2 * math.pi * t + 0.7 * shift) + 0.8 * slope * (t - 0.5)
    return clean + NOISE * torch.randn(n, POINTS)


class CurveVAE(nn.Module):
    def __init__(self, latent=4):
        super().__init__()
        self.enc = nn.Sequential(nn.Linear(POINTS, 64), nn.ELU(), nn.Linear(64, 2 * latent))
        self.dec = nn.Sequential(nn.Linear(latent, 64), nn.ELU(), nn.Linear(64, POINTS))

    def forward(self, x):
        mu, logvar = self.enc(x).chunk(2, 1)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp() if self.training else mu
        return self.dec(z), mu, logvar


def objective(x, out):
    recon, mu, logvar = out
    kl = -0.5 * (1 + logvar - mu ** 2 - logvar.exp()).sum(1).mean()
    fit = ((recon - x) ** 2).sum(1).mean() / (2 * NOISE ** 2)
    return fit + kl, kl


x, xv = curves(3000), curves(800)
vae = CurveVAE()
epochs = 24
opt = torch.optim.Adam(vae.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    vae.train()
    tot = 0.0
    for b in torch.randperm(len(x)).split(60):
        loss, _ = objective(x[b], vae(x[b]))
        opt.zero_grad()
        loss.backward()
        opt.step()
        tot += loss.item() * len(b) / len(x)
    sched.step()
    vae.eval()
    with torch.no_grad():
        out = vae(xv)
        vloss, vkl = objective(xv, out)
        err = F.mse_loss(out[0], xv).item()
    print(f"epoch {epoch} train loss {tot:.4f} val loss {vloss.item():.4f} kl {vkl.item():.4f} reconstruction mse {err:.4f}")
print(f"final: val reconstruction mse {err:.3f} (variance {xv.var(0).mean().item():.2f}), KL {vkl.item():.3f}")
