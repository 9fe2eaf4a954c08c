import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(14)
STEPS, HIDDEN, EPOCHS = 50, 64, 24


class ReluRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.inp = nn.Linear(1, HIDDEN)
        self.rec = nn.Linear(HIDDEN, HIDDEN, bias=False)
        self.out = nn.Linear(HIDDEN, 1)
        nn.init.normal_(self.rec.weight, std=0.25)

    def forward(self, x):
        h = torch.zeros(len(x), HIDDEN)
        for t in range(x.shape[1]):
            h = F.relu(self.inp(x[:, t:t + 1]) + self.rec(h))
        return self.out(h)


def waves(n):
    """50 samples of a noisy sine of random period; predict the value five steps ahead"""
    period = 12 + 12 * torch.rand(n, 1)
    phase = 2 * math.pi * torch.rand(n, 1)
    t = torch.arange(STEPS + 5).float()
    s = torch.sin(2 * math.pi * t / period + phase)
    s = s + 0.1 * torch.randn(n, STEPS + 5)
    return s[:, :STEPS], s[:, -1:]


x, y = waves(1500)
xv, yv = waves(400)
net = ReluRNN()
optimizer = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    total = 0.0
    for b in torch.randperm(len(x)).split(30):
        optimizer.zero_grad()
        loss = F.mse_loss(net(x[b]), y[b])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(b)
    scheduler.step()
    with torch.no_grad():
        p = net(xv)
        val = F.mse_loss(p, yv).item()
        mae = (p - yv).abs().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(x):.5g} val loss {val:.5g} mae {mae:.4g}")
