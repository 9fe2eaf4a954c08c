import argparse

import torch
from torch import nn


def cycles(n, g):
    """motion capture of a joint: 20 frames seen, 12 to be foretold"""
    t = torch.arange(32.0)
    speed = 0.25 + 0.35 * torch.rand(n, 1, generator=g)
    phase = 6.28 * torch.rand(n, 1, generator=g)
    sway = 0.4 * torch.rand(n, 1, generator=g)
    angle = torch.sin(speed * t + phase) + sway * torch.sin(2 * speed * t + phase)
    return (angle + 0.45 * torch.randn(n, 32, generator=g)).unsqueeze(2)


class Seq2Seq(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.encoder, self.decoder = nn.GRU(1, hidden, batch_first=True), nn.GRUCell(1, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, seen, truth=None, truth_share=0.0):
        _, h = self.encoder(seen)
        h, last, frames = h[-1], seen[:, -1], []
        for k in range(12):
            h = self.decoder(last, h)
            frame = last + self.out(h)
            frames.append(frame)
            last = frame
            if truth is not None:
                use = (torch.rand(len(seen), 1) < truth_share).float()
                last = use * truth[:, k] + (1 - use) * frame
        return torch.stack(frames, 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=18)
    parser.add_argument("--seed", type=int, default=13)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    g = torch.Generator().manual_seed(13)
    train, val = cycles(1500, g), cycles(400, g)
    model = Seq2Seq()
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    for epoch in range(args.epochs):
        truth_share = max(0.0, 1.0 - epoch / (0.6 * args.epochs))
        model.train()
        total = 0.0
        for idx in torch.randperm(len(train)).split(50):
            seen, future = train[idx, :20], train[idx, 20:]
            loss = nn.functional.mse_loss(model(seen, future, truth_share), future)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(idx) / len(train)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            val_loss = nn.functional.mse_loss(model(val[:, :20]), val[:, 20:]).item()
        print(f"epoch {epoch + 1} share of truth {truth_share:.2f} loss {total:.4f} val loss {val_loss:.4f}")
    still = (val[:, 19:20] - val[:, 20:]).pow(2).mean().item()
    print(f"final: val loss {val_loss:.4f}, last frame repeated {still:.4f}, noise {0.45 ** 2:.4f}")


if __name__ == "__main__":
    main()
