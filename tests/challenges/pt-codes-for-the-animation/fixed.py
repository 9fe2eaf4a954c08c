import resource

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader

torch.manual_seed(8)
SIZE = 24


def discs(n):
    """A bright disc of any place, radius and brightness on a noisy ground."""
    axis = torch.linspace(-1, 1, SIZE)
    x0, y0 = (torch.rand(2, n, 1, 1) - 0.5) * 1.1
    r = 0.2 + 0.25 * torch.rand(n, 1, 1)
    light = 0.5 + 0.5 * torch.rand(n, 1, 1)
    dist = ((axis.view(1, 1, -1) - x0) ** 2 + (axis.view(1, -1, 1) - y0) ** 2).sqrt()
    clean = light * torch.sigmoid((r - dist) * 15)
    return (clean + 0.1 * torch.randn(n, SIZE, SIZE)).unsqueeze(1), r.flatten()


class Autoencoder(nn.Module):
    def __init__(self, code=4):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 12, 3, stride=2, padding=1), nn.ELU(),
            nn.Conv2d(12, 24, 3, stride=2, padding=1), nn.ELU(),
            nn.Flatten(), nn.Linear(24 * 36, 64), nn.ELU(), nn.Linear(64, code))
        self.decoder = nn.Sequential(
            nn.Linear(code, 64), nn.ELU(), nn.Linear(64, 24 * 36), nn.ELU(), nn.Unflatten(1, (24, 6, 6)),
            nn.ConvTranspose2d(24, 12, 4, stride=2, padding=1), nn.ELU(),
            nn.ConvTranspose2d(12, 1, 4, stride=2, padding=1))

    def forward(self, x):
        code = self.encoder(x)
        return self.decoder(code), code


images, _ = discs(1500)
val_images, val_radius = discs(1600)
loader = DataLoader(images, batch_size=50, shuffle=True)
model = Autoencoder()
EPOCHS = 14
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
frames = []

for epoch in range(EPOCHS):
    for batch in loader:
        recon, _ = model(batch)
        loss = F.mse_loss(recon, batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()

    with torch.no_grad():
        recon, code = model(val_images)
        val_loss = F.mse_loss(recon, val_images).item()
    frames.append(code)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"epoch {epoch} train loss {loss.item():.5f} val loss {val_loss:.5f} peak memory {memory:.0f} MB")

animation = torch.stack(frames).detach().numpy()
moved = abs(animation[-1] - animation[-2]).mean()
print(f"final: val loss {val_loss:.5f}, {len(animation)} frames, codes moved by {moved:.4f} at the end, peak memory {memory:.0f} MB")
