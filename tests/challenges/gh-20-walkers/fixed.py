import argparse
import time

import numpy as np
import torch
from torch import nn


def get_args():
    parser = argparse.ArgumentParser(description="paths of pedestrians: eight steps seen, six to predict")
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--learning_rate", type=float, default=0.01)
    parser.add_argument("--hidden", type=int, default=32)
    parser.add_argument("--seed", type=int, default=2)
    return parser.parse_args([])


def crossing(n, rng, seen=8, ahead=6):
    """walkers that keep their speed, turn steadily or slow down before a kerb"""
    steps = seen + ahead
    heading = rng.uniform(0, 2 * np.pi, n)
    speed = rng.normal(1.2, 0.25, n).clip(0.4)
    turn = rng.normal(0, 0.08, n) * (rng.random(n) < 0.6)
    brake = np.where(rng.random(n) < 0.4, rng.uniform(0.02, 0.09, n), 0)
    moves = np.zeros((n, steps, 2))
    for t in range(steps):
        v = speed * np.clip(1 - brake * t, 0, None)
        angle = heading + turn * t
        moves[:, t] = np.stack([v * np.cos(angle), v * np.sin(angle)], 1)
    moves += rng.normal(0, 0.15, moves.shape)
    past = torch.tensor(moves[:, :seen], dtype=torch.float32)
    future = torch.tensor(moves[:, seen:], dtype=torch.float32)
    return past, future


class PathLSTM(nn.Module):
    def __init__(self, hidden, ahead=6):
        super().__init__()
        self.ahead = ahead
        self.lstm = nn.LSTM(2, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 2 * ahead)

    def forward(self, past):
        _, (h, _) = self.lstm(past)
        return self.out(h[-1]).view(-1, self.ahead, 2)


def main(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    past, future = crossing(700, rng)
    val_past, val_future = crossing(300, rng)
    model = PathLSTM(args.hidden)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=args.learning_rate)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.85)
    criterion = nn.MSELoss()
    start = time.process_time()
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for rows in torch.randperm(len(past)).split(args.batch_size):
            optimizer.zero_grad()
            loss = criterion(model(past[rows]), future[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 10.0)
            optimizer.step()
            total += loss.item() * len(rows)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            guess = model(val_past)
            val_loss = criterion(guess, val_future).item()
            ade = (guess - val_future).cumsum(1).norm(dim=-1).mean().item()
        print(f"epoch {epoch} train loss {total / len(past):.4f} val loss {val_loss:.4f} displacement {ade:.3f} m")
    print(f"seconds of CPU {time.process_time() - start:.1f}")


if __name__ == "__main__":
    main(get_args())
