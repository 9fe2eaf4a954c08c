"""A GAN that invents daily power curves of households (24 hours)."""
import copy
import torch
import torch.nn as nn

torch.manual_seed(7)
EPOCHS = 22
Z, HOURS, BATCH = 16, 24, 64
LR_G = 1e-2
LR_D = 2e-4


def days(n):
    """Five kinds of days: workday, weekend, early shift, night shift, holiday."""
    hour = torch.arange(HOURS).float()
    peaks = torch.tensor([[7.0, 19.0], [10.0, 15.0], [4.0, 13.0], [1.0, 22.0], [9.0, 9.0]])
    height = torch.tensor([[1.0, 1.6], [1.3, 1.0], [1.4, 0.8], [1.2, 1.2], [0.3, 0.2]])
    kind = torch.randint(5, (n,))
    curve = torch.full((n, HOURS), -0.6)
    for k in range(2):
        centre = peaks[kind, k] + 0.4 * torch.randn(n)
        curve += height[kind, k].unsqueeze(1) * torch.exp(-((hour - centre.unsqueeze(1)) / 2.5) ** 2)
    return curve + 0.15 * torch.randn(n, HOURS), kind


G = nn.Sequential(nn.Linear(Z, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, HOURS))
D = nn.Sequential(nn.Linear(HOURS, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
opt_g = torch.optim.Adam(G.parameters(), lr=LR_G, betas=(0.5, 0.99))
opt_d = torch.optim.Adam(D.parameters(), lr=LR_D, betas=(0.5, 0.99))
sched = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.1, total_iters=EPOCHS) for o in (opt_g, opt_d)]
bce = nn.BCEWithLogitsLoss()
G_avg = copy.deepcopy(G)
real_days, _ = days(3200)
val_days, val_kind = days(800)
z_fixed = torch.randn(800, Z)
for epoch in range(EPOCHS):
    loss_d_sum = loss_g_sum = 0.0
    for idx in torch.randperm(len(real_days)).split(BATCH):
        real = real_days[idx].clone().requires_grad_()
        fake = G(torch.randn(len(idx), Z))
        score = D(real)
        slope, = torch.autograd.grad(score.sum(), real, create_graph=True)
        penalty = 0.5 * slope.pow(2).sum(1).mean()
        loss_d = bce(score, torch.ones(len(idx), 1)) + bce(D(fake.detach()), torch.zeros(len(idx), 1))
        opt_d.zero_grad()
        (loss_d + penalty).backward()
        opt_d.step()
        loss_g = bce(D(fake), torch.ones(len(idx), 1))
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        with torch.no_grad():
            for a, p in zip(G_avg.parameters(), G.parameters()):
                a.lerp_(p, 0.02)
        loss_d_sum += loss_d.item() / 50
        loss_g_sum += loss_g.item() / 50
    for s in sched:
        s.step()
    with torch.no_grad():
        distance = torch.cdist(G_avg(z_fixed), val_days)
        val = distance.min(0).values.mean().item()
        share = torch.bincount(val_kind[distance.argmin(1)], minlength=5) / 800
    print(f"epoch {epoch + 1} D loss {loss_d_sum:.3f} train loss {loss_g_sum:.3f} val loss {val:.3f} "
          f"kinds of days {' '.join(f'{s:.2f}' for s in share)}")
