import torch
import torch.nn as nn

torch.manual_seed(40)
POINTS, LATENT, SIGMA = 40, 4, 0.1


def lines(n):
    """Absorption lines with their own depth, width and shift on a sloping continuum."""
    x = torch.linspace(-1, 1, POINTS)
    depth, width = 0.3 + 0.6 * torch.rand(n, 1), 0.1 + 0.2 * torch.rand(n, 1)
    shift, slope = 0.4 * (torch.rand(n, 1) - 0.5), 0.3 * torch.randn(n, 1)
    clean = 1 + slope * x - depth * torch.exp(-((x - shift) / width) ** 2)
    return clean + SIGMA * torch.randn(n, POINTS) - 0.85


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(POINTS, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 2 * LATENT))
        self.decoder = nn.Sequential(nn.Linear(LATENT, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, POINTS))

    def forward(self, x):
        mu, logvar = self.encoder(x).chunk(2, 1)
        z = mu + torch.randn_like(mu) * (0.5 * logvar).exp()
        return self.decoder(z), mu, logvar

    def negative_elbo(self, x):
        recon, mu, logvar = self(x)
        rec = ((recon - x) ** 2).sum(1) / (2 * SIGMA ** 2)
        kl = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum(1)
        return rec.mean(), kl.mean()


train, val = lines(5000), lines(1000)
vae = VAE()
epochs = 24
opt = torch.optim.Adam(vae.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    total = 0.0
    for idx in torch.randperm(len(train)).split(100):
        rec, kl = vae.negative_elbo(train[idx])
        loss = rec + kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx) / len(train)
    sched.step()
    with torch.no_grad():
        rec, kl = vae.negative_elbo(val)
    print(f"epoch {epoch + 1:2d} train {total:.3f} val loss {(rec + kl).item():.3f} (reconstruction {rec:.3f}, kl {kl:.3f})")
print(f"final: negative elbo {(rec + kl).item():.3f}, kl {kl:.3f}, noise alone {POINTS / 2}")
