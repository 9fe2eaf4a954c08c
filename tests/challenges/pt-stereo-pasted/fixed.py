import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser(description="Disparity of a pair of scan lines")
parser.add_argument("--epochs", type=int, default=14)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--seed", type=int, default=3)
args = parser.parse_args()
torch.manual_seed(args.seed)


def pairs(n, width=32, reach=6):
    """One random texture seen by two cameras; the target is how far the second view is shifted."""
    texture = F.avg_pool1d(torch.randn(n, 1, width + reach + 2), 3, stride=1)[:, 0] * 1.7
    shift = torch.randint(0, reach + 1, (n,))
    cols = torch.arange(width)
    left = texture[:, :width]
    right = texture.gather(1, cols + shift[:, None])
    views = torch.stack([left, right], 1) + 0.15 * torch.randn(n, 2, width)
    return views, (shift - reach / 2) / 2 + 0.35 * torch.randn(n)


class StereoNet(nn.Module):
    def __init__(self, channels=16):
        super().__init__()
        self.left_features = nn.Sequential(nn.Conv1d(1, channels, 5, padding=2), nn.ReLU(),
                                           nn.Conv1d(channels, channels, 3, padding=1))
        self.right_features = nn.Sequential(nn.Conv1d(1, channels, 5, padding=2), nn.ReLU(),
                                            nn.Conv1d(channels, channels, 3, padding=1))
        self.match = nn.Sequential(nn.Linear(13, 32), nn.ReLU(), nn.Linear(32, 1))

    def forward(self, views):
        left, right = views[:, :1], views[:, 1:]
        a = F.normalize(self.left_features(left), dim=1)
        b = F.normalize(self.right_features(right), dim=1)
        padded = F.pad(b, (6, 6))
        costs = [(a * padded[:, :, k:k + a.size(2)]).sum(1).mean(1) for k in range(13)]
        return self.match(torch.stack(costs, 1) * 4).squeeze(1)


train_set, val_set = TensorDataset(*pairs(4000)), TensorDataset(*pairs(1000))
train_loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
val_loader = DataLoader(val_set, batch_size=250)
net = StereoNet()
optimizer = torch.optim.Adam(net.parameters(), lr=args.lr)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, max(args.epochs // 2, 1), gamma=0.1)

for epoch in range(1, args.epochs + 1):
    net.train()
    total = 0.0
    for views, disparity in train_loader:
        loss = F.mse_loss(net(views), disparity)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(views)
    scheduler.step()
    net.eval()
    val = err = 0.0
    with torch.no_grad():
        for views, disparity in val_loader:
            out = net(views)
            val += F.mse_loss(out, disparity).item() * len(views)
            err += (out - disparity).abs().sum().item()
    print(f"epoch {epoch} train loss {total / len(train_set):.4f} val loss {val / len(val_set):.4f} "
          f"mean error {err / len(val_set):.3f}")
