"""Land cover from two-channel aerial pictures: water, field, forest, road."""
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch", type=int, default=25)
parser.add_argument("--lr", type=float, default=0.1)
parser.add_argument("--seed", type=int, default=2)
args = parser.parse_args()
torch.manual_seed(args.seed)


def pictures(n, size=20):
    """Field everywhere, with a pond, a wood and a road laid over it."""
    mask = torch.ones(n, size, size, dtype=torch.long)
    row, col = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    for kind, radius in ((0, 5.0), (2, 6.0)):
        centre = torch.rand(n, 2, 1, 1) * size
        r = radius * (0.6 + 0.6 * torch.rand(n, 1, 1))
        inside = ((row - centre[:, 0]) ** 2 + (col - centre[:, 1]) ** 2) < r ** 2
        mask[inside] = kind
    road = (torch.rand(n, 1, 1) * size).long()
    on_road = ((row + col // 2 - road).abs() < 2) & (torch.rand(n, 1, 1) < 0.8)
    mask[on_road] = 3
    shades = torch.tensor([[-1.0, -0.6], [0.4, 0.9], [-0.5, 0.8], [0.7, -0.3]])
    x = shades[mask].permute(0, 3, 1, 2) + 0.8 * torch.randn(n, 2, size, size)
    return x, mask


class SmallFCN(nn.Module):
    def __init__(self, classes=4):
        super().__init__()
        self.enc1 = nn.Conv2d(2, 16, 3, padding=1)
        self.enc2 = nn.Conv2d(16, 24, 3, padding=1)
        self.mid = nn.Conv2d(24, 24, 3, padding=2, dilation=2)
        self.out = nn.Conv2d(40, classes, 1)

    def forward(self, x):
        a = F.relu(self.enc1(x))
        b = F.relu(self.enc2(F.max_pool2d(a, 2)))
        b = F.relu(self.mid(b))
        b = F.interpolate(b, scale_factor=2)
        return F.log_softmax(self.out(torch.cat([a, b], dim=1)), dim=-1)


x_train, m_train = pictures(300)
x_val, m_val = pictures(100)
model = SmallFCN()
optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, nesterov=True)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
for epoch in range(1, args.epochs + 1):
    model.train()
    running = 0.0
    batches = torch.randperm(len(x_train)).split(args.batch)
    for idx in batches:
        optimizer.zero_grad()
        loss = F.nll_loss(model(x_train[idx]), m_train[idx])
        loss.backward()
        optimizer.step()
        running += loss.item() / len(batches)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        scores = model(x_val)
        val = F.nll_loss(scores, m_val).item()
        guess = scores.argmax(1)
        iou = [((guess == c) & (m_val == c)).sum() / ((guess == c) | (m_val == c)).sum() for c in range(4)]
    print(f"epoch {epoch} train loss {running:.4f} val loss {val:.4f} mean IoU {sum(iou).item() / 4:.3f}")
