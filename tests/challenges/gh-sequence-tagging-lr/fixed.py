import argparse

import torch
from torch import nn, optim


class Accumulator(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.rnn = nn.LSTM(2, hidden, num_layers=1, batch_first=True)
        self.head = nn.Sequential(nn.Linear(hidden, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        _, (h, _) = self.rnn(x)
        return self.head(h[-1]).squeeze(-1)


def additions(n, length):
    """add the numbers whose mark is set"""
    value = torch.randn(n, length)
    mark = (torch.rand(n, length) < 0.3).float()
    target = (value * mark).sum(1) / (0.3 * length) ** 0.5
    return torch.stack([value, (mark - 0.3) / 0.46], 2), target + 0.45 * torch.randn(n)


def evaluate(model, x, y):
    model.eval()
    with torch.no_grad():
        return nn.functional.smooth_l1_loss(model(x), y).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--hidden", type=int, default=24)
    parser.add_argument("--length", type=int, default=12)
    args = parser.parse_args()
    torch.manual_seed(38)
    x, y = additions(3000, args.length)
    xv, yv = additions(800, args.length)
    model = Accumulator(args.hidden)
    optimizer = optim.RMSprop(model.parameters(), lr=args.lr)
    scheduler = optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    for epoch in range(args.epochs):
        model.train()
        for idx in torch.randperm(len(x)).split(50):
            loss = nn.functional.smooth_l1_loss(model(x[idx]), y[idx])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        val = evaluate(model, x=xv, y=yv)
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f}")
    print(f"final: val loss {val:.4f}")


if __name__ == "__main__":
    main()
