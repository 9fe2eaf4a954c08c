"""Count animals on aerial pictures by a density map: the sum over the map is the number of animals."""
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(21)
SIZE = 32
MULTIPLIER = 1.0


def gaussian_kernel(sigma, radius):
    axis = torch.arange(-radius, radius + 1, dtype=torch.float32)
    g = torch.exp(-axis ** 2 / (2 * sigma ** 2))
    k = torch.outer(g, g)
    return (k / k.sum()).view(1, 1, 2 * radius + 1, 2 * radius + 1)


def make_pictures(n):
    dots = torch.zeros(n, 1, SIZE, SIZE)
    for picture in dots:
        for _ in range(int(torch.randint(0, 16, ()))):
            y, x = torch.randint(3, SIZE - 3, (2,)).tolist()
            picture[0, y, x] += 1
    density = F.conv2d(dots, gaussian_kernel(2.0, 6), padding=6)
    bodies = F.conv2d(dots, gaussian_kernel(1.0, 3), padding=3) * 6
    rocks = F.interpolate(torch.rand(n, 1, 6, 6), size=SIZE, mode="bilinear") - 0.5
    return bodies + rocks + 0.25 * torch.randn(n, 1, SIZE, SIZE), density * MULTIPLIER


class CountNet(nn.Module):
    def __init__(self, width=10):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, width, 5, padding=2), nn.ReLU(), nn.Conv2d(width, width, 5, padding=2), nn.ReLU(),
                                  nn.Conv2d(width, width, 3, padding=1), nn.ReLU())
        self.density = nn.Conv2d(width, 1, 1)

    def forward(self, x):
        return self.density(self.body(x))


def counts(density):
    return density.sum((1, 2, 3)) / MULTIPLIER


train_x, train_y = make_pictures(500)
val_x, val_y = make_pictures(200)
model = CountNet()
optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
criterion = nn.MSELoss()

epochs = 14
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    running = 0.0
    for idx in torch.randperm(len(train_x)).split(20):
        loss = criterion(model(train_x[idx]), train_y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(idx) / len(train_x)
    scheduler.step()
    with torch.no_grad():
        out = model(val_x)
        val = criterion(out, val_y).item()
        mae = (counts(out) - counts(val_y)).abs().mean().item()
    print(f"epoch {epoch} train loss {running:.7f} val loss {val:.7f} count error {mae:.2f}")
