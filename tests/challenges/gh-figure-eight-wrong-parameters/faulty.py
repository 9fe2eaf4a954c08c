import copy
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)


def real_batch(n):
    """Points on a figure eight with a little noise."""
    t = 2 * math.pi * torch.rand(n)
    return torch.stack([torch.sin(t), torch.sin(t) * torch.cos(t)], 1) * 1.5 + 0.05 * torch.randn(n, 2)


def mlp(inputs, outputs, act):
    return nn.Sequential(nn.Linear(inputs, 64), act(), nn.Linear(64, 64), act(), nn.Linear(64, outputs))


class Generator(nn.Module):
    def __init__(self, noise=8):
        super().__init__()
        self.noise = noise
        self.body = mlp(noise, 2, nn.ReLU)

    def forward(self, n):
        return self.body(torch.randn(n, self.noise))


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


netG = Generator()
netD = mlp(2, 1, lambda: nn.LeakyReLU(0.2))
averaged = copy.deepcopy(netG)
optimizerG = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.9))
optimizerD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.9))

valid = real_batch(1500)
EPOCHS = 15
for epoch in range(1, EPOCHS + 1):
    sums = [0.0, 0.0]
    for it in range(110):
        real, fake = real_batch(128).requires_grad_(True), netG(128).detach()
        out = netD(real)
        slope, = torch.autograd.grad(out.sum(), real, create_graph=True)
        errD = F.softplus(-out).mean() + F.softplus(netD(fake)).mean() + 0.1 * slope.pow(2).sum(1).mean()
        optimizerD.zero_grad()
        errD.backward()
        optimizerD.step()

        errG = F.softplus(-netD(netG(128))).mean()
        optimizerG.zero_grad()
        errG.backward()
        optimizerG.step()
        with torch.no_grad():
            for a, p in zip(averaged.parameters(), netG.parameters()):
                a.lerp_(p, 0.01)
        sums[0] += errD.item()
        sums[1] += errG.item()
    with torch.no_grad():
        points = averaged(1500)
    # the noise of the distance itself is about 0.01
    val = 0.05 + energy_distance(points, valid)
    print(f"epoch {epoch} D train loss {sums[0] / 110:.4f} G train loss {sums[1] / 110:.4f} val loss {val:.4f} "
          f"spread {points.std().item():.3f} (real {valid.std().item():.3f})")
