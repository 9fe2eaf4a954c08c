import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--hidden", type=int, default=32)
parser.add_argument("--layers", type=int, default=8)
parser.add_argument("--batch-size", type=int, default=50)
parser.add_argument("--lr", type=float, default=3e-3)
parser.add_argument("--epochs", type=int, default=14)
parser.add_argument("--seed", type=int, default=11)
args = parser.parse_args()
torch.manual_seed(args.seed)


def recordings(n, steps=14, channels=4):
    """one pulse on each of four channels; which channel was the first to fire?"""
    x = 0.3 * torch.randn(n, steps, channels)
    when = torch.rand(n, steps).argsort(1)[:, :channels]
    x[torch.arange(n)[:, None], when, torch.arange(channels)] += 2.0
    first = when.argmin(1)
    mistaken = torch.rand(n) < 0.1
    return x, torch.where(mistaken, torch.randint(channels, (n,)), first)


class FirstToFire(nn.Module):
    def __init__(self, channels, hidden, layers):
        super().__init__()
        self.lstm = nn.LSTM(channels, hidden, num_layers=layers, batch_first=True)
        self.out = nn.Linear(hidden, channels)

    def forward(self, x):
        states, _ = self.lstm(x)
        return self.out(states[:, -1])


train = DataLoader(TensorDataset(*recordings(2000)), batch_size=args.batch_size, shuffle=True)
x_val, y_val = recordings(800)
model = FirstToFire(4, args.hidden, args.layers)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr, weight_decay=1e-4)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
criterion = nn.CrossEntropyLoss()
for epoch in range(1, args.epochs + 1):
    model.train()
    running = 0.0
    for xb, yb in train:
        optimizer.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        optimizer.step()
        running += loss.item() / len(train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        scores = model(x_val)
        val_loss = criterion(scores, y_val).item()
        accuracy = (scores.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch:2d} train loss {running:.4f} val loss {val_loss:.4f} val accuracy {accuracy:.3f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {accuracy:.3f}")
