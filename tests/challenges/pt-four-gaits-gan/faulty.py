import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(23)
epochs = 50
batch, latent, g_steps = 64, 8, 5


def strides(n):
    """Knee angle over one stride (24 samples) in four gaits."""
    t = torch.linspace(0, 2 * math.pi, 24)
    walk = 0.5 * torch.sin(t) + 0.3 * torch.sin(2 * t)
    run = 0.9 * torch.cos(t)
    limp = -0.6 * torch.cos(2 * t) - 0.2
    stairs = -0.8 * torch.sin(t) + 0.2 * torch.cos(3 * t)
    curves = torch.stack([walk, run, limp, stairs])[torch.randint(0, 4, (n,))]
    return curves * (0.85 + 0.3 * torch.rand(n, 1)) + 0.1 * torch.randn(n, 1) + 0.09 * torch.randn(n, 24)


G = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 24))
D = nn.Sequential(nn.Linear(24, 96), nn.LeakyReLU(0.2), nn.Linear(96, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
cool_g = torch.optim.lr_scheduler.CosineAnnealingLR(opt_g, epochs)
cool_d = torch.optim.lr_scheduler.CosineAnnealingLR(opt_d, epochs)
real, held_out = strides(2048), strides(1000)
ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
z_val = torch.randn(1000, latent)


def distance_to_nearest(a, b):
    d = torch.cdist(a, b)
    return (d.amin(0).mean() + d.amin(1).mean()).item() / 2


for epoch in range(1, epochs + 1):
    loss_d = loss_g = 0.0
    for x in real[torch.randperm(len(real))].split(batch):
        x.requires_grad_(True)
        fake = G(torch.randn(batch, latent)).detach()
        d = F.binary_cross_entropy_with_logits(D(x), ones) + F.binary_cross_entropy_with_logits(D(fake), zeros)
        slope, = torch.autograd.grad(D(x).sum(), x, create_graph=True)
        d = d + 1.0 * slope.pow(2).sum(1).mean()
        opt_d.zero_grad()
        d.backward()
        opt_d.step()
        for _ in range(g_steps):
            g = F.binary_cross_entropy_with_logits(D(G(torch.randn(batch, latent))), ones)
            opt_g.zero_grad()
            g.backward()
            opt_g.step()
        loss_d += d.item() * batch / len(real)
        loss_g += g.item() * batch / len(real)
    cool_g.step()
    cool_d.step()
    with torch.no_grad():
        sample = G(z_val)
    print(f"epoch {epoch} train loss {loss_d:.3f} generator loss {loss_g:.3f} val loss {distance_to_nearest(held_out, sample):.4f} "
          f"spread {sample.std(0).mean():.3f} of {held_out.std(0).mean():.3f}")
