"""Equaliser for a cable: the echo is linear, so the receiver is two linear filters one behind the other (a long and a short)."""
import argparse

import torch
from torch import nn

parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=3)
parser.add_argument("--epochs", type=int, default=15)
parser.add_argument("--lr", type=float, default=0.01)
args = parser.parse_args()
torch.manual_seed(args.seed)


def transmissions(n, symbols=160):
    sent = 2.0 * torch.randint(0, 4, (n, 1, symbols)) - 3
    cable = torch.tensor([0.1, 1.0, 0.55, -0.3, 0.15]).view(1, 1, -1)
    received = nn.functional.conv1d(sent, cable, padding=2)
    return received + 0.4 * torch.randn_like(received), sent


class Equaliser(nn.Module):
    def __init__(self):
        super().__init__()
        self.long = nn.Conv1d(1, 4, 15, padding=7, bias=False)
        self.short = nn.Conv1d(4, 1, 5, padding=2, bias=False)

    def forward(self, received):
        return self.short(self.long(received))


received, sent = transmissions(600)
val_received, val_sent = transmissions(150)
model = Equaliser()
optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=5, gamma=0.3)
criterion = nn.MSELoss()

for epoch in range(args.epochs):
    running = []
    for rows in torch.randperm(len(sent)).split(20):
        optimizer.zero_grad()
        loss = criterion(model(received[rows]), sent[rows])
        loss.backward()
        optimizer.step()
        running.append(loss.item())
    scheduler.step()
    with torch.no_grad():
        out = model(val_received)
        val_loss = criterion(out, val_sent).item()
        decided = (2 * ((out + 3) / 2).round().clamp(0, 3) - 3)
        errors = (decided != val_sent).float().mean().item()
    print(f"epoch {epoch + 1} train loss {sum(running) / len(running):.4f} val loss {val_loss:.4f} symbol errors {errors:.4f}")
