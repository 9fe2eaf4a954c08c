import argparse
import copy

import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser(description="GAN for sonar echoes of 64 samples")
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--epochs", type=int, default=10)
parser.add_argument("--batch", type=int, default=64)
parser.add_argument("--critic-steps", type=int, default=1)
parser.add_argument("--lr", type=float, default=2e-3)
args = parser.parse_args()
torch.manual_seed(args.seed)
LATENT, LENGTH = 6, 64


def echoes(n):
    t = torch.linspace(-1, 1, LENGTH)
    place = 0.6 * (2 * torch.rand(n, 1) - 1)
    height = 0.6 + 0.4 * torch.rand(n, 1)
    shape = torch.exp(-((t - place) / 0.25) ** 2) - 0.5 * torch.exp(-((t - place - 0.4) / 0.3) ** 2)
    return height * shape + 0.03 * torch.randn(n, LENGTH)


generator = nn.Sequential(nn.Linear(LATENT + LENGTH, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, LENGTH))
discriminator = nn.Sequential(nn.Linear(LENGTH, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128), nn.LeakyReLU(0.2),
                              nn.Linear(128, 1))
averaged = copy.deepcopy(generator)
opt_g = torch.optim.Adam(generator.parameters(), lr=args.lr, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(discriminator.parameters(), lr=args.lr, betas=(0.5, 0.9))
schedulers = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.1, args.epochs) for o in (opt_g, opt_d)]


def noise(n):
    return torch.cat([torch.randn(n, LATENT), 0.5 * torch.randn(n, LENGTH)], 1)


def energy_score(sample, truth):
    return (torch.cdist(sample, truth).mean() - 0.5 * torch.cdist(sample, sample).mean()).item()


train = echoes(4000)
held_out = echoes(800)
fixed_noise = noise(800)

for epoch in range(1, args.epochs + 1):
    d_sum = g_sum = 0.0
    batches = torch.randperm(len(train)).split(args.batch)
    for idx in batches:
        for _ in range(args.critic_steps):
            real, fake = train[torch.randint(0, len(train), (args.batch,))], generator(noise(args.batch)).detach()
            real, fake = real + 0.3 * torch.randn_like(real), fake + 0.3 * torch.randn_like(fake)
            loss_d = F.softplus(-discriminator(real)).mean() + F.softplus(discriminator(fake)).mean()
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
        fake = generator(noise(args.batch))
        loss_g = F.softplus(-discriminator(fake + 0.3 * torch.randn_like(fake))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        d_sum, g_sum = d_sum + loss_d.item() / len(batches), g_sum + loss_g.item() / len(batches)
        with torch.no_grad():
            for slow, fast in zip(averaged.parameters(), generator.parameters()):
                slow.lerp_(fast, 0.02)
    for s in schedulers:
        s.step()
    with torch.no_grad():
        sample = averaged(fixed_noise)
        val = energy_score(sample, held_out)
    print(f"epoch {epoch} train loss {g_sum:.4f} val loss {val:.4f} d loss {d_sum:.4f}")
