import argparse
import torch
from torch import nn, optim

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=16)
parser.add_argument("--lr", type=float, default=0.003)
parser.add_argument("--batch", type=int, default=40)
parser.add_argument("--seed", type=int, default=9)
args = parser.parse_args()
torch.manual_seed(args.seed)


def otoliths(n, size=24):
    """Pictures of ear stones of fish: the number of dark rings (2 to 6) tells the age, as the readers saw it."""
    yy, xx = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    age = torch.randint(2, 7, (n,))
    cx, cy = (torch.rand(2, n, 1, 1) - 0.5) * 0.3
    squash = 0.8 + 0.4 * torch.rand(n, 1, 1)
    r = ((xx - cx) ** 2 * squash + (yy - cy) ** 2 / squash).sqrt()
    rings = torch.cos(2 * torch.pi * r * age[:, None, None] / 1.1) * (r < 1.1)
    read = torch.where(torch.rand(n) < 0.06, torch.randint(2, 7, (n,)), age)
    return (rings + 0.8 * torch.randn(n, size, size)).unsqueeze(1), read - 2


def block(i, o):
    return nn.Sequential(nn.Conv2d(i, o, 3, padding=1, bias=False), nn.BatchNorm2d(o), nn.ReLU(), nn.MaxPool2d(2))


train_x, train_y = otoliths(1200)
val_x, val_y = otoliths(600)
model = nn.Sequential(block(1, 12), block(12, 24), nn.Conv2d(24, 32, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                      nn.Linear(32, 5))
loss_fn = nn.CrossEntropyLoss()
opt = optim.RMSprop(model.parameters(), lr=args.lr, weight_decay=1e-3)
steps = args.epochs * (len(train_x) // args.batch)
sched = optim.lr_scheduler.LambdaLR(opt, lambda s: max(1 - s / steps, 0))

for epoch in range(args.epochs):
    model.train()
    total = 0
    for i in torch.randperm(len(train_x)).view(-1, args.batch):
        loss = loss_fn(model(train_x[i]), train_y[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        total += loss.item()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        vloss = loss_fn(out, val_y).item()
        hits = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch:2d}  train loss {total * args.batch / len(train_x):.4f}  val loss {vloss:.4f}  right age {hits:.3f}")
