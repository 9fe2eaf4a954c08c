import copy

import torch
from torch import nn, optim

torch.manual_seed(67)


class GAN:
    def __init__(self, noise=6, width=48):
        self.noise = noise
        self.generator = nn.Sequential(nn.Linear(noise, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 2))
        self.critic = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))
        self.smooth = copy.deepcopy(self.generator).requires_grad_(False)
        self.g_opt = optim.RMSprop(self.generator.parameters(), lr=5e-4)
        self.c_opt = optim.RMSprop(self.critic.parameters(), lr=1e-3)

    def draw(self, n):
        return self.generator(torch.randn(n, self.noise))

    def critic_step(self, real):
        fake = self.draw(len(real)).detach()
        blur = 0.15
        loss = ((self.critic(real + blur * torch.randn_like(real)) - 1) ** 2).mean()
        loss = loss + (self.critic(fake + blur * torch.randn_like(fake)) ** 2).mean()
        self.c_opt.zero_grad()
        loss.backward()
        self.c_opt.step()
        return loss.item() / 2

    def generator_step(self, n):
        fake = self.draw(n)
        loss = ((self.critic(fake + 0.15 * torch.randn_like(fake)) - 1) ** 2).mean()
        self.g_opt.zero_grad()
        loss.backward()
        self.g_opt.step()
        for slow, fast in zip(self.smooth.parameters(), self.generator.parameters()):
            slow.lerp_(fast.detach(), 0.02)
        return loss.item()


def ring(n):
    angle = 6.283 * torch.rand(n)
    return torch.stack([angle.cos(), 0.6 * angle.sin()], 1) * (1.5 + 0.12 * torch.randn(n, 1))


def distance(a, b):
    d = 2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()
    return d.clamp(min=0).sqrt().item()


gan, held_out = GAN(), ring(150)
probe = torch.randn(800, gan.noise)
epochs = 25
plans = [optim.lr_scheduler.LinearLR(o, 1.0, 0.02, epochs) for o in (gan.g_opt, gan.c_opt)]
for epoch in range(1, epochs + 1):
    for _ in range(60):
        c_loss = gan.critic_step(ring(100))
        g_loss = gan.generator_step(100)
    for plan in plans:
        plan.step()
    with torch.no_grad():
        v = distance(gan.smooth(probe), held_out)
    print(f"epoch {epoch} critic {c_loss:.3f} generator {g_loss:.3f} val loss {v:.4f}")
print(f"final: distance to the ring {v:.4f}")
