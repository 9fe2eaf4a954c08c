import copy
import math
import random
import resource

import torch
from torch import nn
import torch.nn.functional as F


def spiral(n):
    u = torch.rand(n).sqrt()
    angle = 1.0 + 5.5 * u
    return torch.stack([angle.cos(), angle.sin()], 1) * (1.8 * u[:, None]) + 0.08 * torch.randn(n, 2)


class Pool:
    """fakes of earlier steps, to be shown to the discriminator again"""

    def __init__(self):
        self.fakes = []

    def add(self, batch):
        self.fakes.append(batch.detach())

    def sample(self, n):
        return torch.cat([random.choice(self.fakes)[:n // 4], self.fakes[-1][:n - n // 4]]).detach()


def net(inputs, outputs, width):
    return nn.Sequential(nn.Linear(inputs, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2),
                         nn.Linear(width, outputs))


def nll(points, samples, h=0.3):
    d = torch.cdist(points, samples) ** 2 / (2 * h ** 2)
    return -(torch.logsumexp(-d, 1) - math.log(len(samples)) - math.log(2 * math.pi * h ** 2)).mean().item()


seed = 18
torch.manual_seed(seed)
random.seed(seed)
epochs = 12
steps, batch = 60, 128
held_out = spiral(800)
G, D = net(6, 2, 192), net(2, 1, 96)
G_mean = copy.deepcopy(G).requires_grad_(False)
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))
decay = [torch.optim.lr_scheduler.CosineAnnealingLR(o, epochs) for o in (opt_g, opt_d)]
pool = Pool()
for epoch in range(epochs):
    for _ in range(steps):
        pool.add(G(torch.randn(2 * batch, 6)))
        real = spiral(batch).requires_grad_()
        on_real, on_fake = D(real), D(pool.sample(batch))
        slope, = torch.autograd.grad(on_real.sum(), real, create_graph=True)
        loss_d = F.softplus(-on_real).mean() + F.softplus(on_fake).mean() + 0.2 * slope.pow(2).sum(1).mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()

        loss_g = F.softplus(-D(G(torch.randn(batch, 6)))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        with torch.no_grad():
            for slow, fast in zip(G_mean.parameters(), G.parameters()):
                slow.lerp_(fast, 0.02)
    for d in decay:
        d.step()
    with torch.no_grad():
        val = nll(held_out, G_mean(torch.randn(800, 6)))
    print(f"epoch {epoch + 1} d {loss_d.item():.3f} g {loss_g.item():.3f} val loss {val:.3f}")
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(f"final: val loss {val:.3f} (negative log-likelihood of held-out points), peak memory {peak:.0f} MB")
