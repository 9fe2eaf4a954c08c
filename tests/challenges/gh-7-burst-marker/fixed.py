# marks the seismic bursts in a trace, sample by sample
import numpy as np
import torch
from torch import nn
import torch.nn.functional as F

SEED = 2
EPOCHS = 14
torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def traces(n, length=128):
    x = rng.standard_normal((n, length))
    y = np.zeros((n, length))
    for i in range(n):
        for _ in range(rng.integers(1, 4)):
            start, size = rng.integers(0, length - 30), rng.integers(12, 30)
            freq, gain = rng.uniform(0.05, 0.4), rng.uniform(1.5, 4)
            x[i, start:start + size] += gain * np.sin(2 * np.pi * freq * np.arange(size) + rng.uniform(0, 6.28))
            y[i, start:start + size] = 1
    return torch.tensor(x[:, None], dtype=torch.float32), torch.tensor(y[:, None], dtype=torch.float32)


train_x, train_y = traces(1200)
val_x, val_y = traces(300)


class ConvBlock(nn.Module):
    def __init__(self, c_in, c_out, kernel, dilation=1):
        super().__init__()
        self.conv = nn.Conv1d(c_in, c_out, kernel, dilation=dilation, padding=dilation * (kernel // 2), bias=False)
        self.bn = nn.BatchNorm1d(c_out)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class PyramidNet(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.stem = nn.Sequential(ConvBlock(1, width, 5), ConvBlock(width, width, 5))
        self.branches = nn.ModuleList([ConvBlock(width, width, 1)] + [ConvBlock(width, width, 3, d) for d in (2, 4, 8)])
        self.merge = ConvBlock(4 * width, width, 1)
        self.classify = nn.Conv1d(width, 1, 1)

    def forward(self, x):
        x = self.stem(x)
        x = torch.cat([branch(x) for branch in self.branches], dim=1)
        return self.classify(self.merge(x))


net = PyramidNet()
opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)

for epoch in range(EPOCHS):
    net.train()
    order = torch.randperm(len(train_x))
    losses = []
    for idx in order.split(50):
        loss = F.binary_cross_entropy_with_logits(net(train_x[idx]), train_y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    sched.step()
    net.eval()
    with torch.no_grad():
        logits = net(val_x)
        val_loss = F.binary_cross_entropy_with_logits(logits, val_y).item()
        hit = (logits > 0).float()
        iou = ((hit * val_y).sum() / ((hit + val_y) > 0).sum()).item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} IoU {iou:.3f}")
