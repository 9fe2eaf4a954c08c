import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def scenes(n, size=20):
    """Slanted floor with a few balls on it; brightness falls with the distance."""
    yy, xx = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    slope = torch.rand(n, 1, 1) * 0.6
    depth = 2 - slope * yy + 0.3 * (torch.rand(n, 1, 1) - 0.5)
    for _ in range(3):
        cx, cy = torch.rand(n, 1, 1) * 1.6 - 0.8, torch.rand(n, 1, 1) * 1.6 - 0.8
        r = 0.25 + 0.2 * torch.rand(n, 1, 1)
        bump = (r ** 2 - (xx - cx) ** 2 - (yy - cy) ** 2).clamp(min=0).sqrt()
        depth = torch.minimum(depth, depth - 2 * bump)
    image = 1 / depth.clamp(min=0.5) ** 2
    image = image + 0.02 * torch.randn_like(image)
    depth = depth + 0.1 * torch.randn_like(depth)
    return (image.unsqueeze(1) - 0.35) / 0.2, depth - 1.8


class DepthNet(nn.Module):
    def __init__(self, ch=16):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, ch, 3, padding=1), nn.BatchNorm2d(ch), nn.ReLU(),
            nn.Conv2d(ch, ch, 3, stride=2, padding=1), nn.BatchNorm2d(ch), nn.ReLU(),
        )
        self.decoder = nn.Sequential(nn.ConvTranspose2d(ch, ch, 2, stride=2), nn.ReLU())
        self.skip = nn.Conv2d(1, ch, 3, padding=1)
        self.head = nn.Sequential(nn.ReLU(), nn.Conv2d(ch, ch, 3, padding=1), nn.ReLU(), nn.Conv2d(ch, 1, 1))

    def forward(self, x):
        return self.head(self.decoder(self.encoder(x)) + self.skip(x))


torch.manual_seed(5)
train_loader = DataLoader(TensorDataset(*scenes(640)), batch_size=16, shuffle=True)
val_loader = DataLoader(TensorDataset(*scenes(160)), batch_size=16)
net = DepthNet()
epochs = 10
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 6e-3, total_steps=epochs * len(train_loader))
criterion = nn.SmoothL1Loss()

for epoch in range(1, epochs + 1):
    net.train()
    train_loss = 0.0
    for img, depth in train_loader:
        opt.zero_grad()
        loss = criterion(net(img), depth)
        loss.backward()
        opt.step()
        sched.step()
        train_loss += loss.item() / len(train_loader)
    net.eval()
    val_loss = rmse = 0.0
    with torch.no_grad():
        for img, depth in val_loader:
            pred = net(img)
            val_loss += criterion(pred, depth).item() / len(val_loader)
            rmse += (pred[:, 0] - depth).pow(2).mean().item() / len(val_loader)
    print(f"epoch {epoch:2d}  train loss {train_loss:.5f}  val loss {val_loss:.5f}  rmse {rmse ** 0.5:.4f}")
print(f"final: val loss {val_loss:.5f}, rmse {rmse ** 0.5:.4f} m")
