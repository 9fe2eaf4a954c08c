import math
import torch
import torch.nn as nn

torch.manual_seed(10)
CENTRES, Z, CRITIC_STEPS, BATCH = 6, 4, 5, 128
epochs = 12


def real(n):
    """points around six places on a circle"""
    angle = torch.randint(0, CENTRES, (n,)) * (2 * math.pi / CENTRES)
    return torch.stack([angle.cos(), angle.sin()], 1) + 0.08 * torch.randn(n, 2)


def mlp(n_in, n_out, h=64):
    return nn.Sequential(nn.Linear(n_in, h), nn.LeakyReLU(0.2), nn.Linear(h, h), nn.LeakyReLU(0.2), nn.Linear(h, n_out))


def penalty(x, y):
    mix = torch.rand(len(x), 1)
    point = (mix * x + (1 - mix) * y).requires_grad_(True)
    grad, = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
    return ((grad.norm(dim=1) - 1) ** 2).mean()


generator, critic = mlp(Z, 2), mlp(2, 1)
opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
held_out = real(1000)
for epoch in range(1, epochs + 1):
    c_loss = g_loss = 0.0
    for _ in range(50):
        for _ in range(CRITIC_STEPS):
            x = real(BATCH)
            with torch.no_grad():
                fake = generator(torch.randn(BATCH, Z))
            loss_c = critic(fake).mean() - critic(x).mean() + penalty(x, fake)
            opt_c.zero_grad()
            loss_c.backward()
            opt_c.step()
            c_loss += loss_c.item() / (50 * CRITIC_STEPS)
        loss_g = -critic(generator(torch.randn(BATCH, Z))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        g_loss += loss_g.item() / 50
    with torch.no_grad():
        sample = generator(torch.randn(1000, Z))
        val = (critic(sample).mean() - critic(held_out).mean()).item()
        corner = (torch.atan2(sample[:, 1], sample[:, 0]) / (2 * math.pi / CENTRES)).round().long() % CENTRES
        share = torch.bincount(corner, minlength=CENTRES).min().item() / 1000
        gap = torch.cdist(held_out, sample).min(1).values.mean().item()
    print(f"epoch {epoch} train loss {c_loss:.4f} generator {g_loss:.4f} val loss {val:.4f} rarest place {share:.3f} distance {gap:.4f}")
