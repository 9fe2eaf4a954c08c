import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)
NOISE = 0.1


def melting_curves(n):
    t = torch.linspace(0, 1, 50)
    centre = torch.rand(n, 1) * 0.5 + 0.25
    slope = torch.rand(n, 1) * 20 + 8
    height = torch.rand(n, 1) * 0.6 + 0.6
    y = height * torch.sigmoid(slope * (t - centre)) + 0.3 * torch.sin(6 * t) * (1 - height)
    return y - 0.5 + NOISE * torch.randn(n, 50)


class CurveVAE(nn.Module):
    def __init__(self, points=50, hidden=96, latent=4):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(points, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.loc = nn.Linear(hidden, latent)
        self.scale = nn.Linear(hidden, latent)
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(),
                                     nn.Linear(hidden, points))

    def posterior(self, x):
        h = self.encoder(x)
        return Normal(self.loc(h), nn.functional.softplus(self.scale(h)) + 1e-4)

    def forward(self, x):
        q = self.posterior(x)
        z = q.sample()
        return self.decoder(z), q


def negative_elbo(model, x):
    recon, q = model(x)
    rec = ((recon - x) ** 2).sum(1) / (2 * NOISE ** 2)
    kl = kl_divergence(q, Normal(0.0, 1.0)).sum(1)
    return (rec + kl).mean(), kl.mean()


train = DataLoader(TensorDataset(melting_curves(3000)), batch_size=60, shuffle=True)
val_x = melting_curves(800)
model = CurveVAE()
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-3)

epochs = 24
for epoch in range(1, epochs + 1):
    model.train()
    running = 0.0
    for (x,) in train:
        loss, _ = negative_elbo(model, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() / len(train)
    model.eval()
    with torch.no_grad():
        val, kl = negative_elbo(model, val_x)
    print(f"epoch {epoch} train loss {running:.3f} val loss {val:.3f} kl {kl:.4f}")
