import math

import torch
from torch import nn

torch.manual_seed(50)
T = 60
betas = torch.linspace(1e-3, 0.15, T)
abar = torch.cumprod(1 - betas, 0)


def waves(n, dim=16):
    """short waves with values in [-1, 1]"""
    t = torch.linspace(0, 1, dim)
    f, phase = 1 + (torch.rand(n, 1) < 0.5).float(), torch.rand(n, 1)
    return torch.clamp(0.8 * torch.tanh(2 * torch.sin(2 * math.pi * (f * t + phase))) + 0.25 * torch.randn(n, dim), -1, 1)


class Denoiser(nn.Module):
    def __init__(self, dim=16, width=96):
        super().__init__()
        self.time = nn.Embedding(T, 32)
        self.body = nn.Sequential(
            nn.Linear(dim + 32, width),
            nn.SiLU(),
            nn.Linear(width, width),
            nn.SiLU(),
            nn.Linear(width, dim),
        )

    def forward(self, x, t):
        return self.body(torch.cat([x, self.time(t)], 1))


class Diffusion:
    def __init__(self, model, epochs=35):
        self.model, self.epochs = model, epochs
        self.opt = torch.optim.AdamW(model.parameters(), lr=3e-3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, epochs)

    def loss(self, x, t, noise):
        a = abar[t][:, None]
        return ((self.model(a.sqrt() * x + (1 - a).sqrt() * noise, t) - noise) ** 2).mean()

    def fit(self, data, held_out):
        probe = [(torch.randint(T, (len(held_out),)), torch.randn_like(held_out)) for _ in range(4)]
        for epoch in range(self.epochs):
            total = 0.0
            for x in data[torch.randperm(len(data))].split(100):
                loss = self.loss(x, torch.randint(T, (len(x),)), torch.randn_like(x))
                self.opt.zero_grad()
                loss.backward()
                self.opt.step()
                total += loss.item()
            self.sched.step()
            with torch.no_grad():
                val = sum(self.loss(held_out, *p).item() for p in probe) / len(probe)
            print(f"epoch {epoch} loss {total / 40:.4f} val loss {val:.4f}")
        return val


val = Diffusion(Denoiser()).fit(waves(4000), waves(1000))
print(f"final: val loss {val:.4f}")
