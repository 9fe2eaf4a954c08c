import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(7)
nz, ngf, ndf, batch_size, num_epochs = 16, 16, 16, 64, 14
real_label, fake_label = 1.0, 0.0


def make_images(n, rng=np.random.RandomState(0)):
    """16x16 pictures of a soft disc or ring in [-1, 1]"""
    yy, xx = np.mgrid[:16, :16]
    out = np.zeros((n, 1, 16, 16), dtype=np.float32)
    for i in range(n):
        cy, cx, r = rng.uniform(5.5, 9.5), rng.uniform(5.5, 9.5), rng.uniform(2.5, 4.5)
        d = np.sqrt((yy - cy) ** 2 + (xx - cx) ** 2)
        out[i, 0] = 1 / (1 + np.exp(2 * (d - r)))
    return torch.from_numpy(out * 2 - 1)


data = make_images(1024)
netG = nn.Sequential(
    nn.ConvTranspose2d(nz, ngf * 2, 4, 1, 0, bias=False), nn.BatchNorm2d(ngf * 2), nn.ReLU(True),
    nn.ConvTranspose2d(ngf * 2, ngf, 4, 2, 1, bias=False), nn.BatchNorm2d(ngf), nn.ReLU(True),
    nn.ConvTranspose2d(ngf, 1, 4, 2, 1), nn.Tanh(),
)
netD = nn.Sequential(
    nn.Conv2d(1, ndf, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
    nn.Conv2d(ndf, ndf * 2, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True),
    nn.Conv2d(ndf * 2, 1, 4, 1, 0), nn.Flatten(0),
)
optimizerD = torch.optim.Adam(netD.parameters(), lr=2e-4, betas=(0.5, 0.999))
optimizerG = torch.optim.Adam(netG.parameters(), lr=1e-3, betas=(0.5, 0.999))
criterion = nn.BCEWithLogitsLoss()
d_updates = 1
fixed_noise = torch.randn(256, nz, 1, 1)

for epoch in range(num_epochs):
    for idx in torch.randperm(len(data)).split(batch_size):
        real = data[idx]
        label = torch.full((len(idx),), real_label)
        for _ in range(d_updates):
            fake = netG(torch.randn(len(idx), nz, 1, 1))
            netD.zero_grad()
            errD = criterion(netD(real), label) + criterion(netD(fake.detach()), torch.full_like(label, fake_label))
            errD.backward()
            optimizerD.step()
        netG.zero_grad()
        output = netD(fake)
        errG = criterion(output, label)
        errG.backward()
        optimizerG.step()
    with torch.no_grad():
        samples = netG(fixed_noise)
        gap = (samples.mean(0) - data.mean(0)).abs().mean().item()
        errG = criterion(netD(samples), torch.ones(256))
        dx, dz = torch.sigmoid(netD(data)).mean().item(), torch.sigmoid(netD(samples)).mean().item()
    print(f"epoch {epoch + 1} train loss D {errD.item():.4f} val loss G {errG.item():.4f} D(x) {dx:.3f} D(G(z)) {dz:.4f} mean image gap {gap:.3f}")
