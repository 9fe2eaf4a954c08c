import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(41)
Z = 4


def real_batch(n):
    angle = torch.rand(n) * 2 * math.pi
    radius = 1.2 + 0.12 * torch.randn(n)
    return torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], 1)


def log_density(points, samples, width=0.25):
    """log-likelihood of points under a kernel estimate from samples"""
    square = torch.cdist(points, samples) ** 2
    return torch.logsumexp(-square / (2 * width ** 2), 1) - math.log(len(samples) * 2 * math.pi * width ** 2)


generator = nn.Sequential(nn.Linear(Z, 48), nn.ReLU(), nn.Linear(48, 48), nn.ReLU(), nn.Linear(48, 2))
critic = nn.Sequential(nn.Linear(2, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 1))
epochs = 16
opt_g = torch.optim.Adam(generator.parameters(), lr=2e-3, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.9))
sched_g = torch.optim.lr_scheduler.CosineAnnealingLR(opt_g, epochs)
sched_d = torch.optim.lr_scheduler.CosineAnnealingLR(opt_d, epochs)
held_out = real_batch(800)
for epoch in range(epochs):
    for _ in range(60):
        real = real_batch(96).requires_grad_(True)
        fake = generator(torch.randn(96, Z))
        score_real, score_fake = critic(real), critic(fake.detach())
        slope, = torch.autograd.grad(score_real.sum(), real, create_graph=True)
        loss_d = F.softplus(-score_real).mean() + F.softplus(score_fake).mean() + 0.05 * slope.pow(2).sum(1).mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()

        loss_g = F.softplus(-critic(fake)).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
    sched_g.step()
    sched_d.step()
    with torch.no_grad():
        val = -log_density(held_out, generator(torch.randn(1500, Z))).mean().item()
    print(f"epoch {epoch + 1} loss_d {loss_d.item():.4f} loss_g {loss_g.item():.4f} val loss {val:.4f}")
print(f"final: val loss {val:.4f} (negative log-likelihood of real points)")
