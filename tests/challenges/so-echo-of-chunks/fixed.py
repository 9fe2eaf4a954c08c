import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F

parser = argparse.ArgumentParser(description="valve log: the state of the tank follows the command of some steps ago")
parser.add_argument("--epochs", type=int, default=13)
parser.add_argument("--bptt", type=int, default=30)
parser.add_argument("--hidden", type=int, default=40)
parser.add_argument("--lr", type=float, default=8e-3)
parser.add_argument("--seed", type=int, default=4)
args = parser.parse_args()
torch.manual_seed(args.seed)

DELAY = 6


def record(steps, rows):
    """Random commands 0..3 and the answer of the tank, mostly the command given DELAY steps before."""
    command = torch.randint(0, 4, (rows, steps + DELAY))
    stuck = torch.rand(rows, steps) < 0.15
    answer = torch.where(stuck, torch.randint(0, 4, (rows, steps)), command[:, :steps])
    return command[:, DELAY:], answer


class Tracker(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.embed = nn.Embedding(4, 12)
        self.lstm = nn.LSTM(12, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 4)

    def forward(self, x, state):
        h, state = self.lstm(self.embed(x), state)
        return self.out(h), state


def run(model, x, y, optimizer=None):
    state, total, right = None, 0.0, 0
    for start in range(0, x.size(1), args.bptt):
        xc, yc = x[:, start:start + args.bptt], y[:, start:start + args.bptt]
        logits, state = model(xc, state)
        state = tuple(s.detach() for s in state)
        loss = F.cross_entropy(logits.flatten(0, 1), yc.flatten())
        if optimizer is not None:
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        total += loss.item() * yc.numel()
        right += (logits.argmax(2) == yc).sum().item()
    return total / y.numel(), right / y.numel()


train_x, train_y = record(1050, 48)
val_x, val_y = record(480, 16)
model = Tracker(args.hidden)
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
for epoch in range(1, args.epochs + 1):
    train_loss, _ = run(model, train_x, train_y, optimizer)
    scheduler.step()
    with torch.no_grad():
        val_loss, acc = run(model, val_x, val_y)
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {acc:.3f}")
