import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(23)
SIEVES, NOISE, BATCH = 20, 8, 64
D_STEPS = 5
epochs = 20


def grain_curves(n, seed):
    """Share of a sand sample left on each of 20 sieves (mixtures of river and dune sand), as standardised log-ratios."""
    rng = np.random.default_rng(seed)
    phi = np.linspace(-1, 4, SIEVES)
    river = np.exp(-0.5 * ((phi - rng.normal(0.8, 0.3, (n, 1))) / rng.uniform(0.7, 1.0, (n, 1))) ** 2)
    dune = np.exp(-0.5 * ((phi - rng.normal(2.3, 0.2, (n, 1))) / rng.uniform(0.35, 0.5, (n, 1))) ** 2)
    mix = rng.beta(0.8, 0.8, (n, 1))
    share = mix * river + (1 - mix) * dune + 0.02
    logr = np.log(share / share.sum(1, keepdims=True))
    return torch.tensor((logr - logr.mean()) / logr.std(), dtype=torch.float32)


generator = nn.Sequential(nn.Linear(NOISE, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, SIEVES))
discriminator = nn.Sequential(nn.Linear(SIEVES, 96), nn.LeakyReLU(0.2), nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Linear(96, 1))
g_optimizer = torch.optim.Adam(generator.parameters(), lr=2e-5, betas=(0.5, 0.999))
d_optimizer = torch.optim.Adam(discriminator.parameters(), lr=4e-3, betas=(0.5, 0.999))
bce = nn.BCEWithLogitsLoss()
ones, zeros = torch.ones(BATCH, 1), torch.zeros(BATCH, 1)


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).item()


train, held_out = grain_curves(3000, 0), grain_curves(800, 1)
for epoch in range(epochs):
    d_sum = g_sum = score = 0.0
    for _ in range(50):
        for _ in range(D_STEPS):
            real = train[torch.randint(0, len(train), (BATCH,))]
            fake = generator(torch.randn(BATCH, NOISE)).detach()
            d_loss = 0.5 * (bce(discriminator(real), ones) + bce(discriminator(fake), zeros))
            d_optimizer.zero_grad()
            d_loss.backward()
            d_optimizer.step()
        out = discriminator(generator(torch.randn(BATCH, NOISE)))
        g_loss = bce(out, ones)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        d_sum, g_sum, score = d_sum + d_loss.item() / 50, g_sum + g_loss.item() / 50, score + out.sigmoid().mean().item() / 50
    with torch.no_grad():
        val = energy_distance(generator(torch.randn(800, NOISE)), held_out)
    print(f"epoch {epoch + 1} train loss {d_sum:.4f} (D) {g_sum:.4f} (G) val loss {val:.4f} D(G(z)) {score:.4f}")
