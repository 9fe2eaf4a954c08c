import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Generator(nn.Module):
    def __init__(self, z=16):
        super().__init__()
        self.z = z
        self.net = nn.Sequential(nn.Linear(z, 64), nn.ReLU(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 64), nn.Tanh())

    def sample(self, n):
        return self.net(torch.randn(n, self.z))


class Discriminator(nn.Module):
    def __init__(self, width, drop):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, width), nn.LeakyReLU(0.2), nn.Dropout(drop),
                                 nn.Linear(width, width), nn.LeakyReLU(0.2), nn.Dropout(drop), nn.Linear(width, 1))

    def forward(self, x):
        return self.net(x).squeeze(1)


def distance(a, b):
    d = torch.cdist(a, b)
    return (d.min(0).values.mean() + d.min(1).values.mean()).item()


torch.manual_seed(26)
pixels = torch.tensor(load_digits().data, dtype=torch.float32) / 8 - 1
pixels = pixels[torch.randperm(len(pixels))]
train, held = pixels[:1300], pixels[1300:]
gen = Generator()
disc, d_steps, smooth = Discriminator(64, 0.3), 1, 0.9
opt_g = torch.optim.Adam(gen.parameters(), lr=2e-3, betas=(0.5, 0.999))
opt_d = torch.optim.Adam(disc.parameters(), lr=2e-3, betas=(0.5, 0.999))
epochs = 50
schedules = [torch.optim.lr_scheduler.LinearLR(o, 1.0, 0.02, total_iters=epochs) for o in (opt_g, opt_d)]
z_val = torch.randn(1000, 16)
for epoch in range(1, epochs + 1):
    gen.train()
    disc.train()
    dl = gl = 0.0
    batches = torch.randperm(len(train)).split(65)
    for rows in batches:
        for _ in range(d_steps):
            fake = gen.sample(len(rows)).detach()
            pr, pf = disc(train[rows]), disc(fake)
            loss_d = F.binary_cross_entropy_with_logits(pr, torch.full_like(pr, smooth)) + F.binary_cross_entropy_with_logits(pf, torch.zeros_like(pf))
            opt_d.zero_grad()
            loss_d.backward()
            opt_d.step()
        pf = disc(gen.sample(len(rows)))
        loss_g = F.binary_cross_entropy_with_logits(pf, torch.ones_like(pf))
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        dl += loss_d.item() / len(batches)
        gl += loss_g.item() / len(batches)
    for s in schedules:
        s.step()
    gen.eval()
    disc.eval()
    with torch.no_grad():
        fake = gen.net(z_val)
        spread = fake.std(0).mean().item() / held.std(0).mean().item()
        score = distance(fake, held)
    print(f"epoch {epoch} d loss {dl:.4f} g loss {gl:.4f} val loss {score:.4f} relative spread {spread:.2f}")
print(f"final: nearest-neighbour distance to held-out pictures {score:.3f}")
