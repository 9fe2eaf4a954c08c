import torch
from torch import nn, optim
import torch.nn.functional as F

torch.manual_seed(17)
N, BATCH, Z = 5000, 50, 3


class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(Z, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 3))

    def forward(self, z):
        return self.body(z)


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2),
                                  nn.Linear(64, 1))

    def forward(self, x):
        return self.body(x).squeeze(1)


def rolled_sheet(n):
    t = 4.5 * torch.rand(n)
    return torch.stack([t.cos() * (1 + 0.3 * t), t.sin() * (1 + 0.3 * t), 2 * torch.rand(n) - 1], 1) / 1.3 \
        + 0.05 * torch.randn(n, 3)


def score(fake, real):
    return (torch.cdist(fake, real).mean() - 0.5 * torch.cdist(fake, fake).mean()).item()


real, val = rolled_sheet(N), rolled_sheet(1200)
G, D = Generator(), Discriminator()
ema = Generator()
ema.load_state_dict(G.state_dict())
epochs = 14
optimizer_G = optim.Adam(G.parameters(), lr=1e-3, betas=(0.5, 0.99))
optimizer_D = optim.Adam(D.parameters(), lr=1e-3, betas=(0.5, 0.99))

for epoch in range(epochs):
    log_d = log_g = 0.0
    for idx in torch.randperm(N).split(BATCH):
        optimizer_G.zero_grad()
        fake = G(torch.randn(BATCH, Z))
        g_loss = F.softplus(-D(fake)).mean()
        g_loss.backward()
        optimizer_G.step()

        d_loss = F.softplus(-D(real[idx])).mean() + F.softplus(D(fake.detach())).mean()
        d_loss.backward()
        optimizer_D.step()

        with torch.no_grad():
            for slow, fast in zip(ema.parameters(), G.parameters()):
                slow.mul_(0.98).add_(fast, alpha=0.02)
        log_d += d_loss.item() * BATCH / N
        log_g += g_loss.item() * BATCH / N
    with torch.no_grad():
        val_loss = score(ema(torch.randn(1200, Z)), val)
    print(f"epoch {epoch + 1}: d_loss {log_d:.4f}, g_loss {log_g:.4f}, val loss {val_loss:.4f}")
print(f"final: energy score {val_loss:.4f} (between two real samples {score(rolled_sheet(1200), val):.4f})")
