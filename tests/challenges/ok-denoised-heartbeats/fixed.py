import argparse
import math
import torch
import torch.nn as nn


def get_args():
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=25)
    p.add_argument("--code", type=int, default=6)
    p.add_argument("--noise", type=float, default=0.4)
    p.add_argument("--seed", type=int, default=17)
    return p.parse_known_args()[0]


def heartbeats(n, length=80):
    """one beat each: three bumps whose place, height and width vary"""
    t = torch.linspace(0, 1, length)
    s = torch.zeros(n, length)
    for centre, height, width in [(0.25, 0.4, 0.05), (0.5, 2.0, 0.025), (0.75, 0.7, 0.07)]:
        c = centre + 0.03 * torch.randn(n, 1)
        h = height * (1 + 0.25 * torch.randn(n, 1))
        w = width * torch.exp(0.15 * torch.randn(n, 1))
        s += h * torch.exp(-0.5 * ((t - c) / w) ** 2)
    return s - s.mean(1, keepdim=True)


class DenoisingAutoencoder(nn.Module):
    def __init__(self, length, code):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(length, 64), nn.GELU(), nn.Linear(64, 32), nn.GELU(), nn.Linear(32, code))
        self.decoder = nn.Sequential(nn.Linear(code, 32), nn.GELU(), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, length))

    def forward(self, x):
        return self.decoder(self.encoder(x))


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    clean, clean_val = heartbeats(4000), heartbeats(800)
    noisy_val = clean_val + args.noise * torch.randn_like(clean_val)
    model = DenoisingAutoencoder(clean.shape[1], args.code)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
    mse = nn.MSELoss()
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for idx in torch.randperm(len(clean)).split(64):
            beat = clean[idx]
            out = model(beat + args.noise * torch.randn_like(beat))
            loss = mse(out, beat)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(idx)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            val = mse(model(noisy_val), clean_val).item()
        gain = 10 * math.log10(args.noise ** 2 / val)
        print(f"epoch {epoch} train loss {total / len(clean):.5f} val loss {val:.5f} gain {gain:.1f} dB")


if __name__ == "__main__":
    main()
