import torch
from torch import nn

torch.manual_seed(51)
N_CRITIC, LAMBDA, BATCH = 4, 1.0, 128
EPOCHS = 20


def s_curve(n):
    t = (torch.rand(n, 1) - 0.5) * 8
    return torch.cat([t.sin(), t.sign() * (t.cos() - 1)], 1) + 0.1 * torch.randn(n, 2)


generator = nn.Sequential(nn.Linear(4, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 2))
critic = nn.Sequential(nn.Linear(2, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 1))
g_opt = torch.optim.Adam(generator.parameters(), lr=1e-3, betas=(0.0, 0.9))
c_opt = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.0, 0.9))
g_sched = torch.optim.lr_scheduler.LinearLR(g_opt, 1.0, 0.1, EPOCHS)


def gradient_penalty(real, fake):
    a = torch.rand(len(real), 1)
    mixed = (a * real + (1 - a) * fake).requires_grad_(True)
    grad = torch.autograd.grad(critic(mixed).sum(), mixed, create_graph=True)[0]
    return ((grad.norm(dim=1) - 1) ** 2).mean()


val = s_curve(1000)
for epoch in range(1, EPOCHS + 1):
    for _ in range(50):
        for _ in range(N_CRITIC):
            real = s_curve(BATCH)
            with torch.no_grad():
                fake = generator(torch.randn(BATCH, 4))
            c_loss = critic(fake).mean() - critic(real).mean() + LAMBDA * gradient_penalty(real, fake)
            c_opt.zero_grad()
            c_loss.backward()
            c_opt.step()
        g_loss = -critic(generator(torch.randn(BATCH, 4))).mean()
        g_opt.zero_grad()
        g_loss.backward()
        g_opt.step()
    g_sched.step()
    with torch.no_grad():
        s = generator(torch.randn(1000, 4))
        w = (critic(val).mean() - critic(s).mean()).item()
        d = torch.cdist(val, s)
        coverage = d.min(1).values.mean().item()
        distance = d.min(0).values.mean().item()
    print(f"epoch {epoch} train loss critic {c_loss.item():.4f} generator {g_loss.item():.4f} val loss {w:.4f} "
          f"data to sample {coverage:.3f} sample to data {distance:.3f}")
