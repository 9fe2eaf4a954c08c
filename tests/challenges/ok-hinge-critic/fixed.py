import copy
import math

import torch
from torch import nn
import torch.nn.functional as F
from torch.nn.utils.parametrizations import spectral_norm


def incomes(n):
    """three groups by income and age"""
    group = torch.multinomial(torch.tensor([0.5, 0.3, 0.2]), n, replacement=True)
    centre = torch.tensor([[-1.2, 0.6], [0.4, -1.0], [1.6, 0.9]])[group]
    return centre + torch.tensor([[0.4], [0.3], [0.35]])[group] * torch.randn(n, 2)


def critic_net(width=48):
    return nn.Sequential(spectral_norm(nn.Linear(2, width)), nn.LeakyReLU(0.2), spectral_norm(nn.Linear(width, width)), nn.LeakyReLU(0.2),
                         spectral_norm(nn.Linear(width, 1)))


def surprise(points, samples, h=0.3):
    """mean negative log-likelihood of the points under kernels around the samples"""
    d = -torch.cdist(points, samples) ** 2 / (2 * h ** 2)
    return -(torch.logsumexp(d, 1) - math.log(len(samples) * 2 * math.pi * h ** 2)).mean().item()


torch.manual_seed(24)
epochs = 14
batch, critic_steps, generator_steps = 150, 2, 60
generator = nn.Sequential(nn.Linear(4, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 2))
averaged = copy.deepcopy(generator)
critic = critic_net()
opt_c = torch.optim.Adam(critic.parameters(), lr=4e-3, betas=(0.0, 0.9))
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
decay = [torch.optim.lr_scheduler.CosineAnnealingLR(o, epochs) for o in (opt_c, opt_g)]
held_out, fixed_noise = incomes(1000), torch.randn(1000, 4)
for epoch in range(epochs):
    gap = 0.0
    for _ in range(generator_steps):
        for _ in range(critic_steps):
            with torch.no_grad():
                fake = generator(torch.randn(batch, 4))
            loss_c = F.relu(1 - 8 * critic(incomes(batch))).mean() + F.relu(1 + 8 * critic(fake)).mean()
            opt_c.zero_grad()
            loss_c.backward()
            opt_c.step()
        loss_g = -critic(generator(torch.randn(batch, 4))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        gap += loss_c.item() / generator_steps
        with torch.no_grad():
            for slow, fast in zip(averaged.parameters(), generator.parameters()):
                slow.lerp_(fast, 0.05)
    for d in decay:
        d.step()
    with torch.no_grad():
        val_loss = surprise(held_out, averaged(fixed_noise))
    print(f"epoch {epoch + 1} critic {gap:.5f} generator {loss_g.item():.5f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f} (the incomes themselves {surprise(held_out, incomes(1000)):.4f})")
