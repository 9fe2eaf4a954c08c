import math
import torch
from torch import nn

torch.manual_seed(3)
MODES = 8
angles = torch.arange(MODES) * 2 * math.pi / MODES
centres = torch.stack([angles.cos(), angles.sin()], 1) * 2


def real_batch(n):
    return centres[torch.randint(0, MODES, (n,))] + 0.08 * torch.randn(n, 2)


G = nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
D = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
optG = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.9))
optD = torch.optim.Adam(D.parameters(), lr=2e-4, betas=(0.5, 0.9))
bce = nn.BCEWithLogitsLoss()
G_STEPS = 10
BATCH = 128
EPOCHS = 20
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)


def penalty(x):
    x = x.requires_grad_(True)
    g, = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    return g.pow(2).sum(1).mean()


for epoch in range(1, EPOCHS + 1):
    sum_d = sum_g = 0.0
    for _ in range(60):
        x = real_batch(BATCH)
        fake = G(torch.randn(BATCH, 8)).detach()
        loss_d = bce(D(x), ones) + bce(D(fake), zeros)
        optD.zero_grad()
        loss_d.backward()
        optD.step()
        for _ in range(G_STEPS):
            loss_g = bce(D(G(torch.randn(BATCH, 8))), ones)
            optG.zero_grad()
            loss_g.backward()
            optG.step()
        sum_d += loss_d.item() / 60
        sum_g += loss_g.item() / 60
    with torch.no_grad():
        s = G(torch.randn(2000, 8))
        dist, nearest = torch.cdist(s, centres).min(1)
        counts = torch.bincount(nearest[dist < 0.4], minlength=MODES)
        x = real_batch(2000)
        val = (bce(D(x), torch.ones(2000, 1)) + bce(D(s), torch.zeros(2000, 1))).item()
    print(f"epoch {epoch} train loss D {sum_d:.3f} G {sum_g:.3f} val loss {val:.3f} modes {(counts > 40).sum().item()}/{MODES} "
          f"spread {s.std(0).mean():.3f}")
print("samples per mode:", counts.tolist(), f"spread {s.std(0).mean():.3f} (data {x.std(0).mean():.3f})")
