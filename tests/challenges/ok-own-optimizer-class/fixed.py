import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits


class Lion(torch.optim.Optimizer):
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1):
        super().__init__(params, dict(lr=lr, betas=betas, weight_decay=weight_decay))

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                state = self.state[p]
                if not state:
                    state["m"] = torch.zeros_like(p)
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.add_((b1 * state["m"] + (1 - b1) * p.grad).sign(), alpha=-group["lr"])
                state["m"].lerp_(p.grad, 1 - b2)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1)
        self.block = nn.Conv2d(16, 16, 3, padding=1, groups=4)
        self.norms = nn.ModuleList([nn.GroupNorm(4, 16), nn.GroupNorm(4, 16)])
        self.head = nn.Linear(16 * 16, 10)
        self.drop = nn.Dropout(0.4)

    def forward(self, x):
        x = F.gelu(self.norms[0](self.stem(x)))
        x = F.max_pool2d(x + F.gelu(self.norms[1](self.block(x))), 2)
        return self.head(self.drop(x.flatten(1)))


def main(epochs=14):
    torch.manual_seed(49)
    digits = load_digits()
    x = torch.tensor(digits.images, dtype=torch.float32)[:, None] / 8 - 0.6
    x = x + 0.6 * torch.randn_like(x)
    y = torch.tensor(digits.target)
    order = torch.randperm(len(y))
    train, val = order[:1300], order[1300:]
    net = Net()
    optimizer = Lion(net.parameters(), lr=1e-3, weight_decay=1.0)
    steps = epochs * 26
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda s: min((s + 1) / 26, 0.5 + 0.5 * math.cos(math.pi * min(1.0, s / steps))))
    for epoch in range(1, epochs + 1):
        net.train()
        for i in train[torch.randperm(1300)].split(50):
            loss = F.cross_entropy(net(x[i]), y[i], label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
        net.eval()
        with torch.no_grad():
            out = net(x[val])
        v = F.cross_entropy(out, y[val], label_smoothing=0.1).item()
        print(f"epoch {epoch} loss {loss.item():.4f} val loss {v:.4f} acc {(out.argmax(1) == y[val]).float().mean().item():.4f}")
    print(f"final: val loss {v:.4f}")


main()
