import copy
import torch
import torch.nn as nn

torch.manual_seed(42)
nz, ngf, ndf, batch = 4, 48, 48, 64


def real_samples(n):
    """Points along two crossing arcs."""
    t = torch.rand(n) * 3.1416
    side = torch.randint(0, 2, (n,)) * 2.0 - 1
    p = torch.stack([torch.cos(t) + 0.5 * side, side * (torch.sin(t) - 0.35)], 1)
    return 1.2 * (p + 0.05 * torch.randn(n, 2))


def energy_score(a, b):
    return torch.cdist(a, b).mean() - 0.5 * torch.cdist(a, a).mean()


netG = nn.Sequential(nn.Linear(nz, ngf), nn.ReLU(), nn.Linear(ngf, ngf), nn.ReLU(), nn.Linear(ngf, 2))
netD = nn.Sequential(nn.Linear(2, ndf), nn.LeakyReLU(0.2), nn.Linear(ndf, ndf), nn.LeakyReLU(0.2),
                     nn.Linear(ndf, 1))
netG_avg = copy.deepcopy(netG)
criterion = nn.BCEWithLogitsLoss()
real_label, fake_label = torch.ones(batch, 1), torch.zeros(batch, 1)
epochs = 12
optD = torch.optim.Adam(netD.parameters(), lr=1e-3, betas=(0.5, 0.999))
optG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.999))
data, held_out = real_samples(6400), real_samples(1500)
noise_val = torch.randn(1500, nz)

for epoch in range(1, epochs + 1):
    sum_d = sum_g = 0.0
    for idx in torch.randperm(len(data)).split(batch):
        fake = netG(torch.randn(batch, nz))
        errD = criterion(netD(data[idx]), real_label) + criterion(netD(fake.detach()), fake_label)
        optD.zero_grad()
        errD.backward()
        optD.step()

        errG = criterion(netD(fake), real_label)
        optG.zero_grad()
        errG.backward()
        optG.step()
        with torch.no_grad():
            for a, p in zip(netG_avg.parameters(), netG.parameters()):
                a.lerp_(p, 0.02)
        sum_d += errD.item() / 100
        sum_g += errG.item() / 100
    with torch.no_grad():
        val_loss = energy_score(netG_avg(noise_val), held_out).item()
    print(f"epoch {epoch} Loss_D {sum_d:.4f} Loss_G {sum_g:.4f} val loss {val_loss:.4f}")
floor = energy_score(real_samples(1500), held_out).item()
print(f"final: energy score {val_loss:.4f} (fresh real points {floor:.4f})")
