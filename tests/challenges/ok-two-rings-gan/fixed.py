import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def rings(n):
    radius = torch.where(torch.rand(n) < 0.5, 0.7, 1.6) + 0.1 * torch.randn(n)
    angle = torch.rand(n) * 2 * math.pi
    return torch.stack([radius * angle.cos(), radius * angle.sin()], 1)


def mlp(n_in, n_out, act):
    return nn.Sequential(nn.Linear(n_in, 64), act, nn.Linear(64, 64), act, nn.Linear(64, n_out))


def surprise(real, fake, width=0.3):
    square = torch.cdist(real, fake) ** 2
    return -(torch.logsumexp(-square / (2 * width ** 2), 1) - math.log(len(fake) * 2 * math.pi * width ** 2)).mean().item()


torch.manual_seed(7)
G, D = mlp(6, 2, nn.ReLU()), mlp(2, 1, nn.LeakyReLU(0.2))
G_mean = copy.deepcopy(G).requires_grad_(False)
opt_g = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
epochs = 18
test = rings(800)
for epoch in range(epochs):
    for group in opt_g.param_groups + opt_d.param_groups:
        group["lr"] = 2e-3 * (1 - epoch / epochs) + 1e-5
    for _ in range(50):
        x = rings(100).requires_grad_(True)
        z = G(torch.randn(100, 6))
        out = D(x)
        slope, = torch.autograd.grad(out.sum(), x, create_graph=True)
        loss_d = F.softplus(-out).mean() + F.softplus(D(z.detach())).mean() + 0.05 * slope.square().sum(1).mean()
        opt_d.zero_grad()
        loss_d.backward()
        opt_d.step()
        loss_g = F.softplus(-D(z)).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        with torch.no_grad():
            for slow, fast in zip(G_mean.parameters(), G.parameters()):
                slow.lerp_(fast, 0.02)
    with torch.no_grad():
        val = surprise(test, G_mean(torch.randn(1500, 6)))
    print(f"epoch {epoch + 1} loss_d {loss_d.item():.3f} loss_g {loss_g.item():.3f} val loss {val:.4f}")
print(f"final: val loss {val:.4f}")
