import copy
import torch
import torch.nn as nn


def spiral(n):
    t = 0.5 + 5 * torch.rand(n)
    return torch.stack([t * t.cos(), t * t.sin()], 1) / 3 + 0.06 * torch.randn(n, 2)


def mlp(i, o, h=64, act=nn.ReLU):
    return nn.Sequential(nn.Linear(i, h), act(), nn.Linear(h, h), act(), nn.Linear(h, o))


def gradient_penalty(critic, real, fake):
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    grad, = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
    return (grad.norm(dim=1) - 1).pow(2).mean()


torch.manual_seed(13)
LAMBDA, N_CRITIC, BATCH = 1.0, 3, 128
data, held_out = spiral(6000), spiral(1500)
G, C = mlp(2, 2), mlp(2, 1)
G_slow = copy.deepcopy(G).requires_grad_(False)
epochs = 10
steps = 80
opt_G = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.0, 0.9))
opt_C = torch.optim.Adam(C.parameters(), lr=1e-3, betas=(0.0, 0.9))
sched = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.1, total_iters=epochs) for o in (opt_G, opt_C)]
z_fixed = torch.randn(1500, 2)

for epoch in range(1, epochs + 1):
    w_sum = 0.0
    for _ in range(steps):
        for _ in range(N_CRITIC):
            real = data[torch.randint(len(data), (BATCH,))]
            with torch.no_grad():
                fake = G(torch.randn(BATCH, 2))
            w = C(real).mean() - C(fake).mean()
            loss_C = -w + LAMBDA * gradient_penalty(C, real, fake)
            opt_C.zero_grad()
            loss_C.backward()
            opt_C.step()
        loss_G = -C(G(torch.randn(BATCH, 2))).mean()
        opt_G.zero_grad()
        loss_G.backward()
        opt_G.step()
        with torch.no_grad():
            for slow, p in zip(G_slow.parameters(), G.parameters()):
                slow.lerp_(p, 0.03)
        w_sum += w.item() / steps
    for s in sched:
        s.step()
    with torch.no_grad():
        sample = G_slow(z_fixed)
        val_loss = (torch.cdist(sample, held_out).mean() - 0.5 * torch.cdist(sample, sample).mean()).item()
    print(f"epoch {epoch} wasserstein estimate {w_sum:.4f} val loss {val_loss:.4f}")
again = spiral(1500)
best = (torch.cdist(again, held_out).mean() - 0.5 * torch.cdist(again, again).mean()).item()
print(f"final: energy score {val_loss:.4f} (real points {best:.4f})")
