import math

import torch
import torch.nn as nn


def gratings(n, size=12):
    yy, xx = torch.meshgrid(torch.arange(size).float(), torch.arange(size).float(), indexing="ij")
    label = torch.randint(0, 5, (n,))
    angle = (label * math.pi / 5).view(-1, 1, 1)
    phase = torch.rand(n, 1, 1) * 2 * math.pi
    image = torch.sin(0.9 * (xx * torch.cos(angle) + yy * torch.sin(angle)) + phase)
    image = image + 1.3 * torch.randn(n, size, size)
    wrong = torch.rand(n) < 0.1
    label[wrong] = torch.randint(0, 5, (int(wrong.sum()),))
    return (image / 1.5).unsqueeze(1), label


class DeepConv(nn.Module):
    def __init__(self, depth=6, width=16):
        super().__init__()
        self.stem = nn.Conv2d(1, width, 3, stride=2, padding=1)
        self.body = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(depth)])
        self.head = nn.Linear(width, 5)
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                nn.init.zeros_(m.bias)

    def forward(self, x):
        x = torch.relu(self.stem(x))
        for conv in self.body:
            x = torch.relu(conv(x))
        return self.head(x.mean((2, 3)))


def main(epochs=12):
    torch.manual_seed(17)
    x, y = gratings(2400)
    xv, yv = gratings(1000)
    net = DeepConv()
    opt = torch.optim.SGD(net.parameters(), lr=0.04, momentum=0.9, weight_decay=1e-3)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    ce = nn.CrossEntropyLoss()
    for epoch in range(epochs):
        net.train()
        for idx in torch.randperm(len(x)).split(40):
            opt.zero_grad()
            loss = ce(net(x[idx]), y[idx])
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
        sched.step()
        net.eval()
        with torch.no_grad():
            out = net(xv)
            vl, va = ce(out, yv).item(), (out.argmax(1) == yv).float().mean().item()
        print(f"epoch {epoch + 1} loss {loss.item():.3f} val loss {vl:.4f} val accuracy {va:.3f}")
    print(f"final: val loss {vl:.4f}, val accuracy {va:.3f}")


main()
