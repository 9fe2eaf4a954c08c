import argparse
import itertools

import torch
import torch.nn as nn

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=40)
parser.add_argument("--lr", type=float, default=2e-3)
parser.add_argument("--code", type=int, default=6)
parser.add_argument("--seed", type=int, default=12)
args = parser.parse_args()
torch.manual_seed(args.seed)


def soundings(n, levels=60):
    """Temperature profiles of weather balloons: lapse rate, inversion, tropopause."""
    z = torch.linspace(0, 15, levels)
    ground = 10 + 9 * torch.randn(n, 1)
    lapse = 6.2 + 0.6 * torch.randn(n, 1)
    pause = 10.5 + 1.2 * torch.randn(n, 1)
    height = 1 + 1.5 * torch.rand(n, 1)
    strength = 4 * torch.rand(n, 1)
    t = ground - lapse * torch.minimum(z, pause) + strength * torch.exp(-((z - height) / 0.5) ** 2)
    return t + 0.4 * torch.randn(n, levels)


train, val = soundings(2400), soundings(600)
mean, std = train.mean(0), train.std(0)
train, val = (train - mean) / std, (val - mean) / std

encoder = nn.Sequential(nn.Linear(60, 64), nn.ELU(), nn.Linear(64, args.code))
decoder = nn.Sequential(nn.Linear(args.code, 64), nn.ELU(), nn.Linear(64, 60))
optimizer = torch.optim.RMSprop(itertools.chain(encoder.parameters(), decoder.parameters()), lr=args.lr)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
loss_fn = nn.MSELoss()

for epoch in range(args.epochs):
    encoder.train(), decoder.train()
    losses = []
    for batch in train[torch.randperm(len(train))].split(60):
        optimizer.zero_grad()
        loss = loss_fn(decoder(encoder(batch)), batch)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    encoder.eval(), decoder.eval()
    with torch.no_grad():
        rebuilt = decoder(encoder(val))
        val_loss = loss_fn(rebuilt, val).item()
        degrees = ((rebuilt - val) * std).abs().mean().item()
    print(f"epoch {epoch + 1} train loss {sum(losses) / len(losses):.4f} val loss {val_loss:.4f} mean error {degrees:.2f} K")
