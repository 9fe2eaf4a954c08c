import torch
from torch import nn

torch.manual_seed(21)
N = 24
hours = torch.arange(N) / N


def load_curves(n):
    """Power used in a house over a day: a morning and an evening peak of varying height and hour."""
    morning = 7 / 24 + 0.04 * torch.randn(n, 1)
    evening = 19 / 24 + 0.05 * torch.randn(n, 1)
    high = 0.8 + 0.25 * torch.randn(n, 2)
    curve = high[:, :1] * torch.exp(-((hours - morning) / 0.07) ** 2) + high[:, 1:] * torch.exp(-((hours - evening) / 0.09) ** 2)
    return 2 * curve - 0.7 + 0.1 * torch.randn(n, N)


def energy_distance(a, b):
    return (2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()).sqrt().item()


real_curves = load_curves(6000)
held_out = load_curves(600)
noise_dim = 10

G = nn.Sequential(nn.Linear(noise_dim, 96), nn.LeakyReLU(0.2), nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Linear(96, N), nn.Sigmoid())
D = nn.Sequential(nn.Linear(N, 96), nn.LeakyReLU(0.2), nn.Linear(96, 96), nn.LeakyReLU(0.2), nn.Linear(96, 1))

epochs = 20
optimizerG = torch.optim.Adam(G.parameters(), lr=2e-3, betas=(0.5, 0.99))
optimizerD = torch.optim.Adam(D.parameters(), lr=2e-3, betas=(0.5, 0.99))
schedulers = [torch.optim.lr_scheduler.CosineAnnealingLR(o, epochs, eta_min=1e-5) for o in (optimizerG, optimizerD)]
criterion = nn.BCEWithLogitsLoss()
fixed_noise = torch.randn(600, noise_dim)

for epoch in range(1, epochs + 1):
    sums = [0.0, 0.0]
    batches = torch.randperm(len(real_curves)).split(64)
    for rows in batches:
        real = real_curves[rows]
        ones, zeros = torch.ones(len(rows), 1), torch.zeros(len(rows), 1)
        fake = G(torch.randn(len(rows), noise_dim))

        optimizerD.zero_grad()
        lossD = criterion(D(real), 0.9 * ones) + criterion(D(fake.detach()), zeros)
        lossD.backward()
        optimizerD.step()

        fake = G(torch.randn(len(rows), noise_dim))
        lossG = criterion(D(fake), ones)
        optimizerG.zero_grad()
        lossG.backward()
        optimizerG.step()
        sums[0] += lossD.item() / len(batches)
        sums[1] += lossG.item() / len(batches)
    for s in schedulers:
        s.step()
    with torch.no_grad():
        distance = energy_distance(G(fixed_noise), held_out)
    print(f"epoch {epoch} loss D {sums[0]:.3f} loss G {sums[1]:.3f} val loss {distance:.4f}")

with torch.no_grad():
    made = G(fixed_noise)
gap = (made.mean(0) - held_out.mean(0)).abs().mean().item()
spread = (made.std(0) - held_out.std(0)).abs().mean().item()
print(f"final: energy distance {distance:.4f} mean gap {gap:.3f} spread gap {spread:.3f}")
