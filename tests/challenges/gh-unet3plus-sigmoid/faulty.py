import torch
from torch import nn
from torch.nn import functional as F


def discs(n, size=20):
    yy, xx = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    mask = torch.zeros(n, size, size)
    for _ in range(2):
        cy, cx = torch.rand(n, 1, 1) * size, torch.rand(n, 1, 1) * size
        r = torch.rand(n, 1, 1) * 2 + 2
        mask = torch.maximum(mask, (((yy - cy) ** 2 + (xx - cx) ** 2) < r ** 2).float())
    image = 1.1 * mask + torch.randn(n, size, size)
    return ((image - 0.2) / 1.15)[:, None], mask[:, None]


class Block(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.conv = nn.Conv2d(i, o, 3, padding=1)
        self.norm = nn.BatchNorm2d(o)

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)))


class TinyUNet(nn.Module):
    def __init__(self, base=8):
        super().__init__()
        self.down1 = Block(1, base)
        self.down2 = Block(base, 2 * base)
        self.up = Block(3 * base, base)
        self.final = nn.Conv2d(base, 1, 1)

    def forward(self, x):
        a = self.down1(x)
        b = self.down2(F.max_pool2d(a, 2))
        b = F.interpolate(b, scale_factor=2, mode="nearest")
        d1 = self.final(self.up(torch.cat([a, b], 1)))
        return torch.sigmoid(d1)


torch.manual_seed(19)
x, m = discs(400)
xv, mv = discs(150)
net = TinyUNet()
criterion = nn.BCEWithLogitsLoss()
optimizer = torch.optim.RMSprop(net.parameters(), lr=3e-3)
epochs = 17
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    net.train()
    epoch_loss = 0.0
    for idx in torch.randperm(len(x)).split(20):
        pred = net(x[idx])
        loss = criterion(pred, m[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        epoch_loss += loss.item() / 20
    scheduler.step()
    net.eval()
    with torch.no_grad():
        pred = net(xv)
        val = criterion(pred, mv).item()
        hit = (pred > 0).float()
        iou = ((hit * mv).sum() / ((hit + mv) > 0).float().sum()).item()
    print(f"epoch {epoch + 1} loss {epoch_loss:.4f} val loss {val:.4f} iou {iou:.4f}")
print(f"final: val loss {val:.4f}, iou {iou:.4f}")
