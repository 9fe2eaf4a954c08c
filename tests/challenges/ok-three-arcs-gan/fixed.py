import copy
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(36)
STEPS = 60
EPOCHS = 16


def arcs(n):
    which = torch.randint(0, 3, (n,)) * 2.0944
    angle = which + 1.2 * torch.rand(n)
    radius = 1.5 + 0.12 * torch.randn(n)
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def mlp(i, o, width=64):
    return nn.Sequential(nn.Linear(i, width), nn.LeakyReLU(0.2), nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Linear(width, o))


def energy_score(fake, real):
    """expected distance to the real points minus half of that among the samples; lower is better"""
    return torch.cdist(fake, real).mean().item() - 0.5 * torch.cdist(fake, fake).mean().item()


G, D = mlp(4, 2), mlp(2, 1)
averaged = copy.deepcopy(G).requires_grad_(False)
opt_g = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
val_real, val_noise = arcs(800), torch.randn(800, 4)

for epoch in range(1, EPOCHS + 1):
    sum_d = sum_g = 0.0
    for _ in range(STEPS):
        real = arcs(128).requires_grad_(True)
        out = D(real)
        slope, = torch.autograd.grad(out.sum(), real, create_graph=True)
        loss_d = (F.softplus(-out).mean() + F.softplus(D(G(torch.randn(128, 4)).detach())).mean()
                  + 0.1 * slope.pow(2).sum(1).mean())
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
        loss_g = F.softplus(-D(G(torch.randn(128, 4)))).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        with torch.no_grad():
            for slow, fast in zip(averaged.parameters(), G.parameters()):
                slow.lerp_(fast, 0.02)
        sum_d += loss_d.item() / STEPS
        sum_g += loss_g.item() / STEPS
    with torch.no_grad():
        score = energy_score(averaged(val_noise), val_real)
    print(f"epoch {epoch:2d} loss d {sum_d:.3f} loss g {sum_g:.3f} val loss {score:.4f}")

best = energy_score(arcs(800), val_real)
with torch.no_grad():
    off = (averaged(val_noise).norm(dim=1) - 1.5).abs().mean().item()
print(f"final: energy score {score:.4f} (of real points {best:.4f}), mean distance from the circle {off:.3f}")
