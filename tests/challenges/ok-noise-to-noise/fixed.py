"""Denoising without clean pictures: input and target are two noisy exposures of the same scene."""
import torch
import torch.nn as nn
import torch.nn.functional as F

EPOCHS = 15
SIGMA = 0.5
torch.manual_seed(6)


def scenes(n, size=16):
    grid = torch.linspace(-1, 1, size)
    a = torch.rand(n, 1, 1, 1) * 3.14
    f = 2 + 4 * torch.rand(n, 1, 1, 1)
    ramp = grid.view(1, 1, 1, -1) * a.cos() + grid.view(1, 1, -1, 1) * a.sin()
    edge = (ramp > 0.6 * torch.randn(n, 1, 1, 1)).float()
    return 0.5 * torch.sin(f * ramp) + edge - 0.5


def exposure(clean):
    return clean + SIGMA * torch.randn_like(clean)


net = nn.Sequential(
    nn.Conv2d(1, 16, 5, padding=2), nn.LeakyReLU(0.1),
    nn.Conv2d(16, 16, 3, padding=1), nn.LeakyReLU(0.1),
    nn.Conv2d(16, 1, 3, padding=1),
)
clean, clean_val = scenes(600), scenes(200)
first, second = exposure(clean), exposure(clean)
first_val, second_val = exposure(clean_val), exposure(clean_val)
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)

for epoch in range(EPOCHS):
    total = 0.0
    for b in torch.randperm(600).split(20):
        a, c = (first[b], second[b]) if torch.rand(()) < 0.5 else (second[b], first[b])
        loss = F.mse_loss(net(a), c)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 30
    sched.step()
    with torch.no_grad():
        out = net(first_val)
        val = F.mse_loss(out, second_val).item()
        psnr = -10 * torch.log10(F.mse_loss(out, clean_val) / 4).item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} psnr against the clean scene {psnr:.2f} dB")
