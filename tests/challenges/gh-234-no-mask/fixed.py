import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Scans(Dataset):
    """24x24 scans with a faint spot of a few pixels and its mask"""

    def __init__(self, n, seed):
        g = torch.Generator().manual_seed(seed)
        yy, xx = torch.meshgrid(torch.arange(24.0), torch.arange(24.0), indexing="ij")
        centre = 3 + 18 * torch.rand(n, 2, 1, 1, generator=g)
        radius = 1.0 + 0.9 * torch.rand(n, 1, 1, generator=g)
        spot = ((yy - centre[:, 0]) ** 2 + (xx - centre[:, 1]) ** 2 <= radius ** 2).float()
        tissue = nn.functional.interpolate(torch.randn(n, 1, 6, 6, generator=g), size=24, mode="bilinear")[:, 0]
        self.images = (0.6 * tissue + 0.6 * torch.randn(n, 24, 24, generator=g) + 1.1 * spot).unsqueeze(1)
        self.masks = spot.unsqueeze(1)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, i):
        return self.images[i], self.masks[i]


def block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU())


class SmallUNet(nn.Module):
    def __init__(self, c=8):
        super().__init__()
        self.down, self.bottom, self.up = block(1, c), block(c, 2 * c), block(3 * c, c)
        self.pool, self.grow, self.last = nn.MaxPool2d(2), nn.Upsample(scale_factor=2), nn.Conv2d(c, 1, 1)

    def forward(self, x):
        a = self.down(x)
        b = self.grow(self.bottom(self.pool(a)))
        return self.last(self.up(torch.cat([a, b], 1)))


torch.manual_seed(8)
train, val = Scans(500, seed=8), Scans(200, seed=9)
loader = DataLoader(train, batch_size=20, shuffle=True)
model = SmallUNet()
share = train.masks.mean()
criterion = nn.BCEWithLogitsLoss(pos_weight=(1 - share) / share)
epochs = 9
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    for images, masks in loader:
        optimizer.zero_grad()
        loss = criterion(model(images), masks)
        loss.backward()
        optimizer.step()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val.images)
    val_loss = criterion(out, val.masks).item()
    found = (out > 0)[val.masks > 0].float().mean().item()
    spared = (out <= 0)[val.masks == 0].float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val_loss:.4f} recall {found:.3f}")
print(f"final: recall {found:.3f}, balanced accuracy {(found + spared) / 2:.3f}")
