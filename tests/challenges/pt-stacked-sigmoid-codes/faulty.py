import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(4)


def bumps(n, width=40):
    """Light curves: one or two bumps at a random place and of a random height."""
    t = torch.linspace(0, 1, width)
    where = 0.15 + 0.7 * torch.rand(n, 1)
    height = 0.5 + torch.rand(n, 1)
    curve = height * torch.exp(-((t - where) / 0.12) ** 2)
    slope = torch.randn(n, 1) * 0.4
    return curve + slope * (t - 0.5) + 0.12 * torch.randn(n, width)


train_x, val_x = bumps(2000), bumps(500)
mean, std = train_x.mean(0), train_x.std(0)
train_x, val_x = (train_x - mean) / std, (val_x - mean) / std
loader = DataLoader(TensorDataset(train_x), batch_size=50, shuffle=True)

sizes = [40, 64, 48, 32, 16, 4]
layers = []
for a, b in zip(sizes[:-1], sizes[1:]):
    layers += [nn.Linear(a, b), nn.Sigmoid()]
back = sizes[::-1]
for a, b in zip(back[:-1], back[1:]):
    layers += [nn.Linear(a, b), nn.Sigmoid()]
autoencoder = nn.Sequential(*layers[:-1])

EPOCHS = 55
optimizer = torch.optim.SGD(autoencoder.parameters(), lr=0.05, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
mse = nn.MSELoss()
for epoch in range(1, EPOCHS + 1):
    autoencoder.train()
    running = 0.0
    for (x,) in loader:
        optimizer.zero_grad()
        loss = mse(autoencoder(x), x)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(loader)
    scheduler.step()
    autoencoder.eval()
    with torch.no_grad():
        val = mse(autoencoder(val_x), val_x).item()
    print(f"epoch {epoch} train loss {running:.4f} val loss {val:.4f} explained {1 - val / val_x.pow(2).mean().item():.3f}")
