import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(4)
MODES, Z, BATCH, STEPS = 8, 8, 128, 100
angles = torch.arange(MODES) * 2 * math.pi / MODES
centres = 2 * torch.stack([torch.cos(angles), torch.sin(angles)], 1)


def real_batch(n):
    return centres[torch.randint(0, MODES, (n,))] + 0.1 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(Z, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-4, betas=(0.5, 0.99))


def train_discriminator():
    real = real_batch(BATCH)
    fake = G(torch.randn(BATCH, Z)).detach()
    loss = F.softplus(-D(real)).mean() + F.softplus(D(fake)).mean()
    opt_d.zero_grad()
    loss.backward()
    opt_d.step()
    return loss.item()


def train_generator():
    loss = F.softplus(-D(G(torch.randn(BATCH, Z)))).mean()
    opt_g.zero_grad()
    loss.backward()
    opt_g.step()
    return loss.item()


epochs = 20
for epoch in range(1, epochs + 1):
    loss_d = loss_g = 0.0
    for _ in range(STEPS):
        loss_d += train_discriminator() / STEPS
        loss_g += train_generator() / STEPS
    with torch.no_grad():
        points = G(torch.randn(2000, Z))
    distance, nearest = torch.cdist(points, centres).min(1)
    close = distance < 0.4
    hits = torch.bincount(nearest[close], minlength=MODES)
    print(f"epoch {epoch} loss d {loss_d:.4f} loss g {loss_g:.4f} centres covered {(hits > 40).sum().item()}/{MODES} "
          f"good samples {close.float().mean().item():.3f} std {points.std(0).mean().item():.3f}")
