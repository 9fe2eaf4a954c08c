import copy
import math

import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

torch.manual_seed(90)


def tones(n, dim=12):
    """short samples of a tone whose loudness and phase vary"""
    t = torch.linspace(0, 1, dim)
    loud = 0.6 + 0.3 * torch.rand(n, 1)
    return loud * torch.sin(2 * math.pi * (1.5 * t + torch.rand(n, 1))) + 0.05 * torch.randn(n, dim)


def mlp(*sizes):
    layers = []
    for a, b in zip(sizes, sizes[1:]):
        layers += [nn.Linear(a, b), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers[:-1])


def sliced_distance(a, b, directions):
    return ((a @ directions).sort(0).values - (b @ directions).sort(0).values).abs().mean().item()


def train_gan(data, held_out, epochs=30, g_lr=1e-3, d_lr=1e-3, d_width=64, noise=8):
    G, D = mlp(noise, 64, 64, 12), mlp(12, d_width, d_width, 1)
    average = copy.deepcopy(G)
    opt_g = torch.optim.Adam(G.parameters(), lr=g_lr, betas=(0.5, 0.9))
    opt_d = torch.optim.Adam(D.parameters(), lr=d_lr, betas=(0.5, 0.9))
    schedules = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.02, epochs) for o in (opt_g, opt_d)]
    directions = torch.nn.functional.normalize(torch.randn(12, 64), dim=0)
    probe = torch.randn(len(held_out), noise)
    for epoch in range(1, epochs + 1):
        for real in data[torch.randperm(len(data))].split(64):
            fake = G(torch.randn(len(real), noise))
            d_real, d_fake = D(real), D(fake.detach())
            d_loss = bce(d_real, torch.full_like(d_real, 0.9)) + bce(d_fake, torch.zeros_like(d_fake))
            opt_d.zero_grad()
            d_loss.backward()
            opt_d.step()
            score = D(fake)
            g_loss = bce(score, torch.ones_like(score))
            opt_g.zero_grad()
            g_loss.backward()
            opt_g.step()
            with torch.no_grad():
                for p, q in zip(average.parameters(), G.parameters()):
                    p.lerp_(q, 0.01)
        for schedule in schedules:
            schedule.step()
        with torch.no_grad():
            distance = sliced_distance(average(probe), held_out, directions)
        print(f"epoch {epoch} d_loss {d_loss.item():.3f} g_loss {g_loss.item():.3f} val loss {distance:.4f}")
    return distance


print(f"final: distance to real tones {train_gan(tones(2560), tones(250)):.4f}")
