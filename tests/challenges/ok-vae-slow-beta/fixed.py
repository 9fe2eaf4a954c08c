import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

torch.manual_seed(27)
PIX = 64


def strokes(n):
    angle, offset, width = torch.rand(n) * 3.1416, torch.randn(n) * 0.35, 0.25 + 0.15 * torch.rand(n)
    g = torch.linspace(-1, 1, 8)
    d = torch.cos(angle)[:, None, None] * g[None, :, None] + torch.sin(angle)[:, None, None] * g[None, None, :] - offset[:, None, None]
    img = torch.exp(-(d / width[:, None, None]) ** 2)
    return ((img + 0.2 * torch.randn_like(img)).flatten(1) - 0.3) / 0.4


class VAE(nn.Module):
    def __init__(self, latent=6, hidden=96):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(PIX, hidden), nn.SiLU())
        self.mu, self.logs = nn.Linear(hidden, latent), nn.Linear(hidden, latent)
        self.dec = nn.Sequential(nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, PIX))

    def forward(self, x):
        h = self.body(x)
        q = Normal(self.mu(h), torch.exp(self.logs(h).clamp(-5, 3)))
        return q, self.dec(q.rsample())


def parts(model, x):
    q, recon = model(x)
    rec = -Normal(recon, 0.5).log_prob(x).sum(1).mean()
    return rec, kl_divergence(q, Normal(0.0, 1.0)).sum(1).mean()


x, xv = strokes(3000), strokes(800)
model = VAE()
epochs = 26
warmup = 8
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    beta = min(1.0, (epoch + 1) / warmup)
    model.train()
    total = 0.0
    for b in torch.randperm(len(x)).split(60):
        rec, kl = parts(model, x[b])
        loss = rec + beta * kl
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(b) / len(x)
    sched.step()
    model.eval()
    with torch.no_grad():
        rec, kl = parts(model, xv)
    print(f"epoch {epoch + 1} beta {beta:.2f} train loss {total:.3f} val loss {(rec + kl).item():.3f} kl {kl.item():.3f}")
print(f"final: val loss {(rec + kl).item():.2f}, kl {kl.item():.2f}")
