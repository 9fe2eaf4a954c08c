import copy
import math

import torch
import torch.nn as nn

SCALE = 1.0


def moons(n):
    angle = torch.rand(n, 1) * math.pi
    upper = (torch.rand(n, 1) < 0.5).float()
    x = torch.where(upper > 0, 2 * angle.cos() - 1, 1 - 2 * angle.cos())
    y = torch.where(upper > 0, 2 * angle.sin() - 0.5, 0.5 - 2 * angle.sin())
    return torch.cat([x, y], 1) + 0.12 * torch.randn(n, 2)


class Generator(nn.Module):
    def __init__(self, noise=6):
        super().__init__()
        self.noise = noise
        self.main = nn.Sequential(nn.Linear(noise, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 2), nn.Tanh())

    def forward(self, n):
        return self.main(torch.randn(n, self.noise))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.main = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

    def forward(self, x):
        return self.main(x)


def distance_to_real(samples, real, h=0.4):
    """negative log-likelihood of real points under a kernel density of the samples"""
    d = torch.cdist(real, samples) ** 2 / (2 * h ** 2)
    return -(torch.logsumexp(-d, 1) - math.log(len(samples)) - math.log(2 * math.pi * h ** 2)).mean().item()


torch.manual_seed(66)
G, D = Generator(), Discriminator()
G_avg = copy.deepcopy(G).requires_grad_(False)
bce = nn.BCEWithLogitsLoss()
epochs = 16
steps, batch = 60, 96
opt_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
scheds = [torch.optim.lr_scheduler.CosineAnnealingLR(o, epochs) for o in (opt_g, opt_d)]
ones, zeros = torch.ones(batch, 1), torch.zeros(batch, 1)
held_out = moons(800)
for epoch in range(epochs):
    for _ in range(steps):
        real = (moons(batch) / SCALE).requires_grad_()
        out = D(real)
        slope, = torch.autograd.grad(out.sum(), real, create_graph=True)
        loss_d = bce(out, ones) + bce(D(G(batch).detach()), zeros) + 0.05 * slope.pow(2).sum(1).mean() / SCALE ** 2
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
        loss_g = bce(D(G(batch)), ones)
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        with torch.no_grad():
            for a, p in zip(G_avg.parameters(), G.parameters()):
                a.lerp_(p, 0.02)
    for s in scheds:
        s.step()
    with torch.no_grad():
        val = distance_to_real(G_avg(1000) * SCALE, held_out)
    print(f"epoch {epoch + 1} loss_d {loss_d.item():.3f} loss_g {loss_g.item():.3f} val loss {val:.3f}")
print(f"final: val loss {val:.3f} (negative log-likelihood of real points)")
