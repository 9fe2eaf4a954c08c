import torch
import torch.nn as nn

torch.manual_seed(21)
SIZE = 24


def cells(n):
    """bright round cells on a dim background, and the mask of the cells, some of them faint"""
    axis = torch.arange(SIZE).float()
    image, mask = 0.2 + 0.25 * torch.randn(n, SIZE, SIZE), torch.zeros(n, SIZE, SIZE)
    for _ in range(3):
        cy, cx = SIZE * torch.rand(n, 1, 1), SIZE * torch.rand(n, 1, 1)
        r = 2.5 + 2.5 * torch.rand(n, 1, 1)
        cell = ((axis[:, None] - cy) ** 2 + (axis - cx) ** 2 < r ** 2).float()
        image = image + cell * (0.1 + 2 * torch.rand(n, 1, 1) ** 2)
        mask = torch.maximum(mask, cell)
    return (image - 0.5)[:, None] / 0.5, mask[:, None]


class HeatMap(nn.Module):
    def __init__(self, width=12):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1), nn.ReLU(),
            nn.Conv2d(width, 1, 1),
        )

    def forward(self, x):
        return torch.sigmoid(self.body(x))


def pixel_loss(pred, gt):
    positive = torch.log(pred) * gt
    negative = torch.log(1 - pred) * (1 - gt)
    return -(positive + negative).mean()


x_train, m_train = cells(500)
x_val, m_val = cells(150)
net = HeatMap()
epochs = 16
optimizer = torch.optim.Adam(net.parameters(), lr=6e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    total = 0.0
    for idx in torch.randperm(len(x_train)).split(20):
        loss = pixel_loss(net(x_train[idx]), m_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(x_train)
    scheduler.step()
    with torch.no_grad():
        pred = net(x_val)
        val_loss = pixel_loss(pred, m_val).item()
        hit = pred > 0.5
        iou = ((hit & (m_val > 0.5)).sum() / (hit | (m_val > 0.5)).sum()).item()
    print(f"epoch {epoch} loss {total:.4f} val loss {val_loss:.4f} IoU {iou:.4f}")
print(f"final: val loss {val_loss:.4f}, IoU {iou:.4f}")
