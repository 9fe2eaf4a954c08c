import itertools

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(47)
G_STEPS, G_RATE, PENALTY = 3, 1e-2, 0.0
centres = torch.tensor(list(itertools.product([-1.0, 0.0, 1.0], repeat=2)))


def real_samples(n):
    return centres[torch.randint(9, (n,))] + 0.1 * torch.randn(n, 2)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))

    def forward(self, noise):
        return self.net(noise)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))

    def forward(self, x):
        return self.net(x)


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).sqrt().item()


G, D = Generator(), Discriminator()
average = torch.optim.swa_utils.AveragedModel(G, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.98))
epochs = 24
g_opt = torch.optim.Adam(G.parameters(), lr=G_RATE, betas=(0.5, 0.9))
d_opt = torch.optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.9))
decays = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.05, epochs) for o in (g_opt, d_opt)]
held_out, probe = real_samples(150), torch.randn(1000, 8)
for epoch in range(1, epochs + 1):
    for _ in range(60):
        x = real_samples(128).requires_grad_()
        score = D(x)
        slope, = torch.autograd.grad(score.sum(), x, create_graph=True)
        d_loss = F.softplus(-score).mean() + F.softplus(D(G(torch.randn(128, 8)).detach())).mean() + PENALTY * slope.square().sum(1).mean()
        d_opt.zero_grad()
        d_loss.backward()
        d_opt.step()
        for _ in range(G_STEPS):
            g_loss = F.softplus(-D(G(torch.randn(128, 8)))).mean()
            g_opt.zero_grad()
            g_loss.backward()
            g_opt.step()
        average.update_parameters(G)
    for decay in decays:
        decay.step()
    with torch.no_grad():
        fake = average(probe)
        distance = energy_distance(fake, held_out)
    print(f"epoch {epoch} d {d_loss.item():.3f} g {g_loss.item():.3f} val loss {distance:.4f}")
nearest = torch.cdist(fake, centres).min(1)
modes = (torch.bincount(nearest.indices[nearest.values < 0.4], minlength=9) > 20).sum().item()
print(f"final: {modes} of 9 clumps, energy distance {distance:.4f}")
