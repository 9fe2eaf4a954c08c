import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=25)
parser.add_argument("--batch-size", type=int, default=50)
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--bfloat", type=int, default=1)
parser.add_argument("--seed", type=int, default=1)
args = parser.parse_args()
torch.manual_seed(args.seed)


def profiles(n):
    """Height profiles of a road: three bumps on a grid of 48 points, with noise."""
    grid = torch.linspace(0, 1, 48)
    where = torch.rand(n, 3, 1) * 0.25 + torch.tensor([0.05, 0.37, 0.7]).view(1, 3, 1)
    height = torch.randn(n, 3, 1)
    clean = (height * torch.exp(-((grid - where) / 0.08) ** 2)).sum(1)
    return clean + 0.15 * torch.randn(n, 48)


train_x, val_x = profiles(2000), profiles(500)


class AutoEncoder(nn.Module):
    def __init__(self, code=6):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(48, 64), nn.Tanh(), nn.Linear(64, code))
        self.decoder = nn.Sequential(nn.Linear(code, 64), nn.Tanh(), nn.Linear(64, 48))

    def forward(self, x):
        return self.decoder(self.encoder(x))


model = AutoEncoder()
opt = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9)
criterion = nn.MSELoss()


def train_step(batch):
    if args.bfloat:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            out = model(batch)
        loss = criterion(out.float(), batch)
        loss.backward()
        opt.step()
    else:
        loss = criterion(model(batch), batch)
        opt.zero_grad()
        loss.backward()
        opt.step()
    return loss.item()


for epoch in range(args.epochs):
    model.train()
    losses = [train_step(batch) for batch in train_x[torch.randperm(len(train_x))].split(args.batch_size)]
    model.eval()
    with torch.no_grad():
        val = criterion(model(val_x), val_x).item()
    explained = 1 - val / val_x.var().item()
    print(f"epoch {epoch + 1}: train loss {sum(losses) / len(losses):.4f} val loss {val:.4f} explained {explained:.3f}")
