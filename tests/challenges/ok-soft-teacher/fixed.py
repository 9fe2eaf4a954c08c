import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(53)
CLASSES = 5
prototypes = 1.1 * torch.randn(CLASSES, 14)


def data(n):
    y = torch.randint(0, CLASSES, (n,))
    return (prototypes[y] + 1.9 * torch.randn(n, 14)) / 2.1, y


def make(width, drop=0.0):
    return nn.Sequential(nn.Linear(14, width), nn.ReLU(), nn.Dropout(drop), nn.Linear(width, CLASSES))


def score(model, x, y):
    model.eval()
    with torch.no_grad():
        out = model(x)
    return F.cross_entropy(out, y).item(), (out.argmax(1) == y).float().mean().item()


x, y = data(4000)
xv, yv = data(1500)


def train(name, model, loss_fn, n, lr):
    opt = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.02)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, n)
    for epoch in range(1, n + 1):
        model.train()
        total = 0.0
        for b in torch.randperm(len(x)).split(80):
            loss = loss_fn(model(x[b]), b)
            opt.zero_grad()
            loss.backward()
            opt.step()
            total += loss.item() * len(b) / len(x)
        sched.step()
        vl, va = score(model, xv, yv)
        print(f"{name} {epoch} train loss {total:.4f} val loss {vl:.4f} val accuracy {va:.3f}")
    return vl, va


teacher = make(96, drop=0.3)
train("teacher", teacher, lambda out, b: F.cross_entropy(out, y[b]), n=10, lr=3e-3)
teacher.eval()
for p in teacher.parameters():
    p.requires_grad_(False)
with torch.no_grad():
    soft = F.softmax(teacher(x) / 2, dim=1)


def distil(out, b):
    return 0.3 * F.cross_entropy(out, y[b]) + 0.7 * 4 * F.kl_div(F.log_softmax(out / 2, 1), soft[b], reduction="batchmean")


epochs = 14
vl, va = train("epoch", make(12), distil, n=epochs, lr=6e-3)
print(f"final: student val loss {vl:.3f} accuracy {va:.3f}")
