import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def waves(n):
    yy, xx = torch.meshgrid(torch.arange(12.0), torch.arange(12.0), indexing="ij")
    kind = torch.randint(0, 8, (n,))
    angle = (kind * math.pi / 8).view(-1, 1, 1)
    img = torch.sin(0.9 * (xx * angle.cos() + yy * angle.sin()) + 6.28 * torch.rand(n, 1, 1)) + 1.2 * torch.randn(n, 12, 12)
    wrong = torch.rand(n) < 0.12
    kind[wrong] = torch.randint(0, 8, (int(wrong.sum()),))
    return (img / 1.4).unsqueeze(1), kind


class Backbone(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
                         nn.Conv2d(16, 24, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())


def train(backbone, head, data, val, epochs, params, title):
    opt = torch.optim.Adam(params, lr=4e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    for epoch in range(epochs):
        head.train()
        for idx in torch.randperm(len(data[0])).split(50):
            loss = F.cross_entropy(head(backbone(data[0][idx])), data[1][idx])
            opt.zero_grad()
            loss.backward()
            opt.step()
        sched.step()
        head.eval()
        with torch.no_grad():
            out = head(backbone(val[0]))
            vl = F.cross_entropy(out, val[1]).item()
        print(f"{title} {epoch + 1} loss {loss.item():.4f} val loss {vl:.4f} val accuracy {(out.argmax(1) == val[1]).float().mean().item():.3f}")
    return vl


def main(epochs=10):
    torch.manual_seed(16)
    backbone = Backbone()
    data, val = waves(2200), waves(700)
    first = nn.Linear(96, 8)
    train(backbone, first, data, val, epochs, [*backbone.parameters(), *first.parameters()], "pretraining epoch")
    backbone.requires_grad_(False).eval()
    halves = lambda pair: (pair[0], pair[1] % 4)
    second = nn.Sequential(nn.Linear(96, 24), nn.ReLU(), nn.Linear(24, 4))
    vl = train(backbone, second, halves(waves(2200)), halves(val), epochs, second.parameters(), "epoch")
    print(f"final: val loss {vl:.4f}")


main()
