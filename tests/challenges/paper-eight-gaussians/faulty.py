import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def ring(n):
    angle = torch.randint(0, 8, (n,)) * math.pi / 4
    return torch.stack([angle.cos(), angle.sin()], 1) * 1.4 + 0.12 * torch.randn(n, 2)


def mlp(i, o, width=64):
    return nn.Sequential(nn.Linear(i, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, o))


def negative_log_likelihood(points, samples, bandwidth=0.4):
    """of the points under a Gaussian around every sample"""
    d = torch.cdist(points, samples) ** 2 / (2 * bandwidth ** 2)
    return -(torch.logsumexp(-d, 1) - math.log(len(samples)) - math.log(2 * math.pi * bandwidth ** 2)).mean().item()


def clusters_hit(samples):
    angle = torch.arange(8) * math.pi / 4
    centres = torch.stack([angle.cos(), angle.sin()], 1) * 1.4
    near = torch.cdist(samples, centres) < 0.36
    return int((near.float().mean(0) > 0.03).sum())


def main(epochs=18, batches=52, batch=96, noise=8):
    torch.manual_seed(9)
    held_out = ring(1000)
    G, D = mlp(noise, 2), mlp(2, 1)
    G_avg = copy.deepcopy(G).requires_grad_(False)
    opt_g = torch.optim.Adam(G.parameters(), lr=3e-3)
    opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
    sched_g = torch.optim.lr_scheduler.CosineAnnealingLR(opt_g, epochs)
    sched_d = torch.optim.lr_scheduler.CosineAnnealingLR(opt_d, epochs)
    for epoch in range(epochs):
        for _ in range(batches):
            real = ring(batch).requires_grad_()
            fake = G(torch.randn(batch, noise)).detach()
            on_real = D(real)
            slope, = torch.autograd.grad(on_real.sum(), real, create_graph=True)
            loss_d = F.softplus(-on_real).mean() + F.softplus(D(fake)).mean() + 0.05 * (slope ** 2).sum(1).mean()
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
            for _ in range(5):
                loss_g = F.softplus(-D(G(torch.randn(batch, noise)))).mean()
                opt_g.zero_grad()
                loss_g.backward()
                opt_g.step()
            with torch.no_grad():
                for a, p in zip(G_avg.parameters(), G.parameters()):
                    a.lerp_(p, 0.02)
        sched_g.step()
        sched_d.step()
        with torch.no_grad():
            samples = G_avg(torch.randn(1000, noise))
        val = negative_log_likelihood(held_out, samples)
        print(f"epoch {epoch + 1} loss_d {loss_d.item():.3f} loss_g {loss_g.item():.3f} val loss {val:.3f} clusters {clusters_hit(samples)}")
    print(f"final: val loss {val:.3f} (negative log-likelihood of real points), clusters {clusters_hit(samples)} of 8")


if __name__ == "__main__":
    main()
