"""Conditional VAE: outlines of petals given the species."""
import torch
from torch import nn, optim
from torch.nn import functional as F

torch.manual_seed(29)
SPECIES, POINTS, LATENT, NOISE = 4, 32, 3, 0.2

grid = torch.linspace(0, 3.1416, POINTS)
harmonics = torch.stack([torch.sin(k * grid) for k in range(1, 5)])
base = 1.2 * torch.randn(SPECIES, 4)
ways = torch.randn(SPECIES, 2, 4) * 0.6


def petals(n):
    s = torch.randint(0, SPECIES, (n,))
    z = torch.randn(n, 2)
    coef = base[s] + torch.einsum("nk,nkh->nh", z, ways[s])
    return torch.tanh(coef @ harmonics * 0.6) * 1.5 + NOISE * torch.randn(n, POINTS), F.one_hot(s, SPECIES).float()


class CVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(POINTS + SPECIES, 64)
        self.fc_mu = nn.Linear(64, LATENT)
        self.fc_logvar = nn.Linear(64, LATENT)
        self.fc3 = nn.Linear(LATENT + SPECIES, 64)
        self.fc4 = nn.Linear(64, POINTS)

    def encode(self, x, c):
        h = torch.tanh(self.fc1(torch.cat([x, c], 1)))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.randn_like(mu) * torch.exp(0.5 * logvar)

    def decode(self, z, c):
        return self.fc4(torch.tanh(self.fc3(torch.cat([z, c], 1))))

    def forward(self, x, c):
        mu, logvar = self.encode(x, c)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, c), mu, logvar


def loss_function(recon, x, mu, logvar):
    rec = ((recon - x) ** 2).sum() / (2 * NOISE ** 2)
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return rec + kld, kld


train_x, train_c = petals(6000)
val_x, val_c = petals(1500)
model = CVAE()
optimizer = optim.Adam(model.parameters(), lr=3e-3)
epochs = 16
scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs, eta_min=1e-5)

for epoch in range(1, epochs + 1):
    model.train()
    train_loss = 0
    for idx in torch.randperm(len(train_x)).split(100):
        optimizer.zero_grad()
        recon, mu, logvar = model(train_x[idx], train_c[idx])
        loss, _ = loss_function(recon, train_x[idx], mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        recon, mu, logvar = model(val_x, val_c)
        vl, kl = loss_function(recon, val_x, mu, logvar)
    print("epoch {} train loss {:.3f} val loss {:.3f} kl {:.3f}".format(epoch, train_loss / len(train_x), vl.item() / len(val_x), kl.item() / len(val_x)))
