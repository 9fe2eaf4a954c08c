import torch
from torch import nn
from torch.utils.data import DataLoader


def fabric(n, g):
    """8x8 patches of a woven pattern: two stripes of varying phase"""
    yy, xx = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    p = 6.28 * torch.rand(n, 2, 1, 1, generator=g)
    a = 0.7 + 0.6 * torch.rand(n, 2, 1, 1, generator=g)
    cloth = a[:, :1] * torch.sin(1.2 * xx + p[:, :1]) + a[:, 1:] * torch.sin(0.9 * yy + p[:, 1:])
    return cloth + 0.3 * torch.randn(n, 1, 8, 8, generator=g)


def defects(n, g):
    """the same cloth with a piece of another sewn in"""
    cloth, other = fabric(n, g), fabric(n, g)
    for patch, piece in zip(cloth, other):
        r, c = torch.randint(0, 6, (2,), generator=g).tolist()
        patch[0, r:r + 3, c:c + 3] = piece[0, r:r + 3, c:c + 3]
    return cloth


class ClothAE(nn.Module):
    def __init__(self, code=6):
        super().__init__()
        self.enc1 = nn.Sequential(nn.Conv2d(1, 12, 3, padding=1), nn.ELU())
        self.enc2 = nn.Sequential(nn.Conv2d(12, 16, 3, stride=2, padding=1), nn.ELU())
        self.to_code = nn.Sequential(nn.Flatten(), nn.Linear(16 * 16, code))
        self.from_code = nn.Sequential(nn.Linear(code, 16 * 16), nn.ELU(), nn.Unflatten(1, (16, 4, 4)))
        self.dec2 = nn.Sequential(nn.ConvTranspose2d(16, 12, 2, stride=2), nn.ELU())
        self.dec1 = nn.Sequential(nn.Conv2d(12, 12, 3, padding=1), nn.ELU(), nn.Conv2d(12, 1, 3, padding=1))

    def forward(self, x):
        a = self.enc1(x)
        b = self.enc2(a)
        h = self.from_code(self.to_code(b))
        h = self.dec2(h)
        return self.dec1(h)


def errors(model, patches):
    with torch.no_grad():
        return (model(patches) - patches).pow(2).mean((1, 2, 3))


torch.manual_seed(50)
g = torch.Generator().manual_seed(50)
train, val, broken = fabric(2000, g), fabric(400, g), defects(400, g)
model = ClothAE()
epochs = 20
optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    for patch in DataLoader(train, batch_size=64, shuffle=True):
        loss = nn.functional.mse_loss(model(patch), patch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    scheduler.step()
    print(f"epoch {epoch + 1} loss {loss.item():.5f} val loss {errors(model, val).mean().item():.5f}")
good, bad = errors(model, val), errors(model, broken)
auc = (bad[:, None] > good[None]).float().mean().item()
print(f"final: val loss {good.mean().item():.5f}, error of defects {bad.mean().item():.5f}, area under the curve {auc:.3f}")
