"""Denoising without a single clean example: input and target are two noisy shots of the same trace.

Training compares noise with noise, validation compares with the clean trace."""
import math
import torch
from torch import nn

torch.manual_seed(13)
length, sigma = 64, 0.5


def traces(n, generator):
    t = torch.linspace(0, 1, length)
    centre = torch.rand(n, 3, 1, generator=generator)
    width = 0.03 + 0.08 * torch.rand(n, 3, 1, generator=generator)
    height = torch.randn(n, 3, 1, generator=generator)
    return (height * torch.exp(-((t - centre) / width) ** 2 / 2)).sum(1, keepdim=True)


def shot(clean, generator=None):
    return clean + sigma * torch.randn(clean.shape, generator=generator)


g = torch.Generator().manual_seed(4)
clean = traces(1500, g)
first, second = shot(clean, g), shot(clean, g)
val_clean = traces(400, g)
val_noisy = shot(val_clean, g)

net = nn.Sequential(
    nn.Conv1d(1, 16, 9, padding=4), nn.GELU(),
    nn.Conv1d(16, 16, 9, padding=4), nn.GELU(),
    nn.Conv1d(16, 1, 9, padding=4),
)
optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
mse = nn.MSELoss()
epochs = 12
for epoch in range(epochs):
    total = 0.0
    for rows in torch.randperm(len(first)).split(50):
        a, b = (first, second) if torch.rand(()) < 0.5 else (second, first)
        loss = mse(net(a[rows]), b[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows) / len(first)
    with torch.no_grad():
        val = mse(net(val_noisy), val_clean).item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} gain {10 * math.log10(sigma ** 2 / val):.2f} dB")
