import math

import torch
from sklearn.datasets import make_moons
from torch import autograd, nn, optim

torch.manual_seed(11)
epochs = 20
N_CRITIC, LAMBDA, BATCH = 3, 2.0, 128


def moons(n, state):
    points, _ = make_moons(n, noise=0.08, random_state=state)
    return (torch.tensor(points, dtype=torch.float32) - torch.tensor([0.5, 0.25])) / torch.tensor([0.87, 0.5])


def layers(*widths):
    out = []
    for a, b in zip(widths, widths[1:]):
        out += [nn.Linear(a, b), nn.LeakyReLU(0.1)]
    return nn.Sequential(*out[:-1])


def gradient_penalty(critic, real, fake):
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_()
    grad, = autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((grad.norm(dim=1) - 1) ** 2).mean()


def parzen(samples, points, width=0.2):
    """negative log-likelihood of the points under a kernel density of the samples"""
    d = torch.cdist(points, samples).square()
    return (math.log(len(samples) * 2 * math.pi * width ** 2) - torch.logsumexp(-d / (2 * width ** 2), 1)).mean().item()


data, held_out = moons(4000, 0), moons(1000, 1)
generator, critic = layers(4, 64, 64, 2), layers(2, 64, 64, 1)
g_opt = optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
c_opt = optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
fade = lambda e: 1 - 0.95 * e / epochs
schedules = [optim.lr_scheduler.LambdaLR(o, fade) for o in (g_opt, c_opt)]
noise = torch.randn(2000, 4)

for epoch in range(1, epochs + 1):
    for _ in range(32):
        for _ in range(N_CRITIC):
            real = data[torch.randint(0, len(data), (BATCH,))]
            with torch.no_grad():
                fake = generator(torch.randn(BATCH, 4))
            wasserstein = critic(real).mean() - critic(fake).mean()
            c_loss = -wasserstein + LAMBDA * gradient_penalty(critic, real, fake)
            c_opt.zero_grad()
            c_loss.backward()
            c_opt.step()
        g_loss = -critic(generator(torch.randn(BATCH, 4))).mean()
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()
    for s in schedules:
        s.step()
    with torch.no_grad():
        v = parzen(generator(noise), held_out)
    print(f"epoch {epoch:2d}  wasserstein {wasserstein.item():.3f}  val loss {v:.4f}")
print(f"final: val loss {v:.3f} (the data themselves {parzen(data[:2000], held_out):.3f})")
