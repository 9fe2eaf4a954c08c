import torch
import torch.nn as nn
import torch.nn.functional as F


class PatternNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1 = nn.Conv2d(2, 12, 3, padding=1)
        self.c2 = nn.Conv2d(12, 24, 3, padding=1)
        self.fc = nn.Linear(24 * 4, 3)

    def forward(self, x):
        x = F.max_pool2d(F.silu(self.c1(x)), 2)
        x = F.max_pool2d(F.silu(self.c2(x)), 2)
        return self.fc(torch.flatten(x, 1))


def pairs(n):
    """two noisy channels: the second is the first, its mirror image, or unrelated"""
    first = torch.randn(n, 8, 8)
    relation = torch.randint(0, 3, (n,))
    other = torch.randn(n, 8, 8)
    second = torch.where((relation == 0).view(-1, 1, 1), first, torch.where((relation == 1).view(-1, 1, 1), -first, other))
    x = torch.stack([first, second + 1.2 * torch.randn(n, 8, 8)], 1)
    x[:, 1] /= 1.56
    wrong = torch.rand(n) < 0.08
    relation[wrong] = torch.randint(0, 3, (int(wrong.sum()),))
    return x, relation


def accuracy(out, y):
    return (out.argmax(1) == y).float().mean().item()


torch.manual_seed(33)
hyper = dict(lr=2e-3, weight_decay=0.5, batch=50)
epochs = 14
x, y = pairs(4000)
xv, yv = pairs(1000)
net = PatternNet()
opt = torch.optim.Adam(net.parameters(), lr=hyper["lr"], weight_decay=hyper["weight_decay"])
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    net.train()
    for idx in torch.randperm(len(x)).split(hyper["batch"]):
        opt.zero_grad(set_to_none=True)
        loss = F.cross_entropy(net(x[idx]), y[idx])
        loss.backward()
        opt.step()
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(xv)
        val = F.cross_entropy(out, yv).item()
    print(f"epoch {epoch + 1} train loss {loss.item():.4f} val loss {val:.4f} val accuracy {accuracy(out, yv):.4f}")
print(f"final: val loss {val:.4f}, val accuracy {accuracy(out, yv):.4f}")
