import numpy as np
import torch
import torch.nn as nn
from sklearn.datasets import load_digits

cfg = dict(
    backbone=dict(depth=10, width=16, norm_eval=False),
    optimizer=dict(lr=0.05, momentum=0.9, weight_decay=1e-3),
    batch_size=64,
    noise=0.3,
)
EPOCHS = 15


class Backbone(nn.Module):
    def __init__(self, depth, width, norm_eval):
        super().__init__()
        layers, c = [], 1
        for i in range(depth):
            layers += [nn.Conv2d(c, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
            c = width
            if i in (3, 6):
                layers.append(nn.MaxPool2d(2))
        self.body = nn.Sequential(*layers)
        self.norm_eval = norm_eval

    def train(self, mode=True):
        super().train(mode)
        if mode and self.norm_eval:
            for m in self.modules():
                if isinstance(m, nn.BatchNorm2d):
                    m.eval()
        return self

    def forward(self, x):
        return self.body(x).mean((2, 3))


class Classifier(nn.Module):
    def __init__(self, backbone, classes=10):
        super().__init__()
        self.backbone = Backbone(**backbone)
        self.head = nn.Linear(backbone["width"], classes)

    def forward(self, x):
        return self.head(self.backbone(x))


def load(noise):
    bunch = load_digits()
    x = torch.tensor(bunch.images[:, None] / 8 - 1, dtype=torch.float32)
    x = x + noise * torch.randn_like(x)
    y = torch.tensor(bunch.target)
    flip = torch.rand(len(y)) < 0.06
    y = torch.where(flip, torch.randint(0, 10, y.shape), y)
    perm = torch.randperm(len(y))
    return x[perm[:1300]], y[perm[:1300]], x[perm[1300:]], y[perm[1300:]]


def run():
    torch.manual_seed(17)
    x, y, xv, yv = load(cfg["noise"])
    model = Classifier(cfg["backbone"])
    opt = torch.optim.SGD(model.parameters(), **cfg["optimizer"])
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
    loss_fn = nn.CrossEntropyLoss()
    for epoch in range(EPOCHS):
        model.train()
        log = []
        for i in torch.randperm(len(x)).split(cfg["batch_size"]):
            loss = loss_fn(model(x[i]), y[i])
            opt.zero_grad()
            loss.backward()
            opt.step()
            log.append(loss.item())
        sched.step()
        model.eval()
        with torch.no_grad():
            out = model(xv)
        print(f"epoch {epoch + 1} train loss {np.mean(log):.4f} val loss {loss_fn(out, yv).item():.4f} "
              f"val top1 {(out.argmax(1) == yv).float().mean().item():.3f}")


run()
