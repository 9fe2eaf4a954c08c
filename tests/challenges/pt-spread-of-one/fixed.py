import torch
import torch.nn as nn
from torch.utils.data import DataLoader

torch.manual_seed(6)


def profiles(n, points=16):
    """Dune profiles: one crest, skewed to the lee side."""
    x = torch.linspace(0, 1, points)
    crest = 0.35 + 0.3 * torch.rand(n, 1)
    height = 0.6 + 0.4 * torch.rand(n, 1)
    up, down = x / crest, (1 - x) / (1 - crest)
    shape = height * torch.minimum(up, down ** 1.5)
    return 2 * (shape - 0.4) + 0.05 * torch.randn(n, points)


class MinibatchStd(nn.Module):
    """Adds the mean spread over the batch as one more feature."""

    def forward(self, x):
        std = torch.std(x, dim=0).mean()
        return torch.cat([x, std.expand(len(x), 1)], 1)


class Critic(nn.Module):
    def __init__(self, points=16):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(points, 64), nn.LeakyReLU(0.2))
        self.spread = MinibatchStd()
        self.last = nn.Sequential(nn.Linear(65, 32), nn.LeakyReLU(0.2), nn.Linear(32, 1))

    def forward(self, x):
        return self.last(self.spread(self.first(x)))


def make_generator():
    return nn.Sequential(nn.Linear(8, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16))


@torch.no_grad()
def distance(a, b):
    return (torch.cdist(a, b).mean() - 0.5 * torch.cdist(a, a).mean()).item()


train, val = profiles(3201), profiles(1000)
loader = DataLoader(train, batch_size=50, shuffle=True, drop_last=True)
gen, critic, smooth = make_generator(), Critic(), make_generator()
smooth.load_state_dict(gen.state_dict())
bce = nn.BCEWithLogitsLoss()
epochs = 16
opt_g = torch.optim.Adam(gen.parameters(), lr=5e-4, betas=(0.5, 0.99))
opt_c = torch.optim.Adam(critic.parameters(), lr=1e-3, betas=(0.5, 0.99))
z_val = torch.randn(1000, 8)

for epoch in range(epochs):
    sums = [0.0, 0.0]
    for real in loader:
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        fake = gen(torch.randn(len(real), 8))
        loss_c = bce(critic(real), ones) + bce(critic(fake.detach()), zeros)
        opt_c.zero_grad()
        loss_c.backward()
        opt_c.step()
        loss_g = bce(critic(fake), ones)
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        with torch.no_grad():
            for s, p in zip(smooth.parameters(), gen.parameters()):
                s.lerp_(p, 0.02)
        sums[0] += loss_c.item() / len(loader)
        sums[1] += loss_g.item() / len(loader)
    with torch.no_grad():
        val_loss = distance(smooth(z_val), val)
    print(f"epoch {epoch + 1:2d} critic {sums[0]:.3f} generator {sums[1]:.3f} val loss {val_loss:.4f}")
print(f"final: energy score {val_loss:.4f} (real against real {distance(profiles(1000), val):.4f})")
