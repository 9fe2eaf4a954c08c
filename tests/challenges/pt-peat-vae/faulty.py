import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

BETA = 4.0
EPOCHS = 25


def peat(n, seed):
    """Concentrations of 24 elements in slices of peat: three sources (dust, smelter, sea spray), logarithm, standardised."""
    load = np.random.RandomState(7).uniform(0, 1, (3, 24)) ** 3
    rng = np.random.RandomState(seed)
    source = np.exp(rng.normal(0, 0.8, (n, 3)))
    x = np.log(source @ load + 0.05) + rng.normal(0, 0.12, (n, 24))
    return torch.tensor(x, dtype=torch.float32)


class VariationalAutoencoder(nn.Module):
    def __init__(self, n_in=24, hidden=64, n_latent=3):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(n_in, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
        self.mean, self.log_var = nn.Linear(hidden, n_latent), nn.Linear(hidden, n_latent)
        self.decoder = nn.Sequential(nn.Linear(n_latent, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, n_in))

    def forward(self, x):
        h = self.encoder(x)
        mean, log_var = self.mean(h), self.log_var(h)
        z = mean + (0.5 * log_var).exp() * torch.randn_like(mean) if self.training else mean
        return self.decoder(z), mean, log_var


def elbo_loss(x, out, mean, log_var):
    reconstruction = (out - x).pow(2).mean()
    kl = -0.5 * (1 + log_var - mean.pow(2) - log_var.exp()).sum(dim=1).mean()
    return reconstruction + BETA * kl, reconstruction, kl


if __name__ == "__main__":
    torch.manual_seed(2)
    x, xv = peat(2400, 0), peat(600, 1)
    m, s = x.mean(0), x.std(0)
    x, xv = (x - m) / s, (xv - m) / s
    loader = DataLoader(TensorDataset(x), batch_size=60, shuffle=True)
    vae = VariationalAutoencoder()
    optimizer = torch.optim.AdamW(vae.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for epoch in range(EPOCHS):
        vae.train()
        total = 0.0
        for (batch,) in loader:
            loss, _, _ = elbo_loss(batch, *vae(batch))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() / len(loader)
        scheduler.step()
        vae.eval()
        with torch.no_grad():
            val, rec, kl = elbo_loss(xv, *vae(xv))
        print(f"epoch {epoch}: train loss {total:.4f}, val loss {val:.4f}, reconstruction {rec:.4f}, kl {kl:.5f}")
