import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(50)
mb_size, Z_dim, h_dim = 64, 8, 64
STEPS = 60
EPOCHS = 14


def sample_real(n):
    """five kinds of curves of twelve points"""
    t = torch.linspace(0, 1, 12)
    shapes = torch.stack([torch.sin(6.28 * t), torch.cos(6.28 * t), 2 * t - 1, 1 - 2 * t, 4 * (t - 0.5).abs() - 1])
    kind = torch.randint(0, 5, (n,))
    return shapes[kind] * (0.9 + 0.15 * torch.randn(n, 1)) + 0.08 * torch.randn(n, 12)


def mlp(i, o):
    return nn.Sequential(nn.Linear(i, h_dim), nn.LeakyReLU(0.2), nn.Linear(h_dim, h_dim), nn.LeakyReLU(0.2), nn.Linear(h_dim, o))


def energy_score(fake, real):
    return torch.cdist(fake, real).mean().item() - 0.5 * torch.cdist(fake, fake).mean().item()


G, D = mlp(Z_dim, 12), mlp(12, 1)
G_solver = torch.optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
D_solver = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
held_out, z_val = sample_real(1000), torch.randn(1000, Z_dim)

for epoch in range(1, EPOCHS + 1):
    sum_d = sum_g = 0.0
    for _ in range(STEPS):
        real = sample_real(mb_size).requires_grad_(True)
        out = D(real)
        slope, = torch.autograd.grad(out.sum(), real, create_graph=True)
        D_loss = F.softplus(-out).mean() + F.softplus(D(G(torch.randn(mb_size, Z_dim)).detach())).mean() + 0.05 * slope.pow(2).sum(1).mean()
        D_solver.zero_grad()
        D_loss.backward()
        D_solver.step()
        G_loss = F.softplus(-D(G(torch.randn(mb_size, Z_dim)))).mean()
        G_solver.zero_grad()
        G_loss.backward()
        G_solver.step()
        sum_d += D_loss.item() / STEPS
        sum_g += G_loss.item() / STEPS
    with torch.no_grad():
        fake = G(z_val)
    spread = fake.std(0).mean().item()
    print(f"epoch {epoch:2d}  D loss {sum_d:.4f}  G loss {sum_g:.4f}  val loss {energy_score(fake, held_out):.4f}  spread {spread:.3f}")

share = torch.cdist(held_out, fake).min(1).values.lt(0.8).float().mean().item()
print(f"final: real curves with a sample nearby {share:.3f}, spread of the samples {spread:.3f} (real {held_out.std(0).mean().item():.3f})")
