import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(2)
MICRO, ACCUMULATE = 16, 4
EPOCHS = 8


def textures(n, size=16):
    """noisy stripes in four directions; a few labels are wrong"""
    y = torch.randint(0, 4, (n,))
    angle = y * torch.pi / 4 + 0.15 * torch.randn(n)
    grid = torch.arange(size).float()
    yy, xx = torch.meshgrid(grid, grid, indexing="ij")
    phase, wave = 6.3 * torch.rand(n, 1, 1), 0.9 + 0.4 * torch.rand(n, 1, 1)
    img = torch.sin(wave * (xx * angle.cos()[:, None, None] + yy * angle.sin()[:, None, None]) + phase)
    img = img + 0.8 * torch.randn(n, size, size)
    y = torch.where(torch.rand(n) < 0.05, torch.randint(0, 4, (n,)), y)
    return TensorDataset(img.unsqueeze(1), y)


class Residual(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.body = nn.Sequential(nn.GroupNorm(4, c), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1, bias=False),
                                  nn.GroupNorm(4, c), nn.ReLU(), nn.Conv2d(c, c, 3, padding=1, bias=False))

    def forward(self, x):
        return x + self.body(x)


net = nn.Sequential(nn.Conv2d(1, 12, 3, stride=2, padding=1), Residual(12), Residual(12),
                    nn.GroupNorm(4, 12), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 4))
train = DataLoader(textures(2560), batch_size=MICRO, shuffle=True)
val = DataLoader(textures(640), batch_size=320)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.1, total_steps=EPOCHS * len(train) // ACCUMULATE)

for epoch in range(1, EPOCHS + 1):
    net.train()
    total = 0.0
    for step, (x, y) in enumerate(train, 1):
        loss = criterion(net(x), y)
        (loss / ACCUMULATE).backward()
        total += loss.item() / len(train)
        if step % ACCUMULATE == 0:
            optimizer.step()
            optimizer.zero_grad()
            scheduler.step()
    net.eval()
    val_loss, hits = 0.0, 0
    with torch.no_grad():
        for x, y in val:
            out = net(x)
            val_loss += criterion(out, y).item() / len(val)
            hits += (out.argmax(1) == y).sum().item()
    print(f"epoch {epoch}: train loss {total:.4f} val loss {val_loss:.4f} accuracy {hits / 640:.3f}")
