import copy
import math

import torch
import torch.nn as nn

torch.manual_seed(88)


def catch(n):
    """length and weight (logarithms, standardised) of the fish in a net: two kinds, the one long and light"""
    kind = (torch.rand(n, 1) < 0.4).float()
    length = 0.5 * torch.randn(n, 1) + 1.3 * kind - 0.5
    weight = 0.9 * length - 1.4 * kind + 0.25 * torch.randn(n, 1) + 0.5
    return torch.cat([length, weight], 1)


def parzen(samples, points, width=0.2):
    """minus the mean log density of the points under a Parzen window around the samples"""
    d2 = torch.cdist(points, samples) ** 2
    log_p = torch.logsumexp(-d2 / (2 * width ** 2), 1) - math.log(len(samples) * 2 * math.pi * width ** 2)
    return -log_p.mean().item()


generator = nn.Sequential(nn.Linear(4, 48), nn.LeakyReLU(0.2), nn.Linear(48, 48), nn.LeakyReLU(0.2), nn.Linear(48, 2))
critic = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
smooth = copy.deepcopy(generator).requires_grad_(False)
epochs = 24
steps = 80
g_opt = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.5, 0.99))
d_opt = torch.optim.Adam(critic.parameters(), lr=2e-3, betas=(0.5, 0.99))
decay = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.1, total_iters=epochs) for o in (g_opt, d_opt)]
real_val, fixed_noise = catch(1000), torch.randn(3000, 4)
for epoch in range(1, epochs + 1):
    d_total = g_total = 0.0
    for _ in range(steps):
        real, fake = catch(128), generator(torch.randn(128, 4))
        d_loss = 0.5 * ((critic(real) - 1) ** 2).mean() + 0.5 * (critic(fake.detach()) ** 2).mean()
        d_opt.zero_grad()
        d_loss.backward()
        d_opt.step()
        g_loss = 0.5 * ((critic(fake) - 1) ** 2).mean()
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()
        with torch.no_grad():
            for a, b in zip(smooth.parameters(), generator.parameters()):
                a.lerp_(b, 0.02)
        d_total += d_loss.item() / steps
        g_total += g_loss.item() / steps
    for s in decay:
        s.step()
    with torch.no_grad():
        val_loss = parzen(smooth(fixed_noise), real_val)
    print(f"epoch {epoch} D loss {d_total:.4f} G loss {g_total:.4f} val loss {val_loss:.4f}")
print(f"final: val loss {val_loss:.4f}, real samples give {parzen(catch(3000), real_val):.4f}")
