import argparse
import math
import numpy as np
import pandas as pd
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset


def call_log(n, rng):
    frame = pd.DataFrame({
        "hour": rng.integers(7, 22, n),
        "weekday": rng.integers(0, 7, n),
        "temperature": rng.normal(11, 8, n),
        "outages": rng.poisson(0.4, n),
        "bills_sent": rng.integers(0, 3000, n),
    })
    log_rate = 1.6 + 0.7 * np.sin((frame.hour - 7) / 15 * np.pi) - 0.6 * (frame.weekday >= 5) \
        + 0.5 * frame.outages.clip(upper=3) + 0.00025 * frame.bills_sent + 0.015 * (5 - frame.temperature).clip(lower=0)
    frame["calls"] = rng.poisson(np.exp(log_rate) * rng.gamma(3.0, 1 / 3.0, n))
    return frame


def features(frame, stats=None):
    x = pd.get_dummies(frame.weekday, prefix="day").reindex(columns=[f"day_{d}" for d in range(7)], fill_value=0).astype(float)
    x[["hour", "temperature", "outages", "bills"]] = frame[["hour", "temperature", "outages", "bills_sent"]].astype(float)
    stats = (x.mean(), x.std()) if stats is None else stats
    return torch.tensor(((x - stats[0]) / stats[1]).to_numpy(), dtype=torch.float32), stats


class CallModel(nn.Module):
    """mean and dispersion of a negative binomial"""

    def __init__(self, n_in, start):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
        self.log_shape = nn.Parameter(torch.zeros(()))
        nn.init.constant_(self.body[-1].bias, math.log(start))

    def forward(self, x):
        mean = self.body(x).squeeze(1).clamp(max=8).exp()
        shape = self.log_shape.exp()
        return torch.distributions.NegativeBinomial(shape, logits=mean.log() - self.log_shape)


def main(args):
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    train, val = call_log(4000, rng), call_log(1500, rng)
    x, stats = features(train)
    xv, _ = features(val, stats)
    y, yv = torch.tensor(train.calls.to_numpy()).float(), torch.tensor(val.calls.to_numpy()).float()
    loader = DataLoader(TensorDataset(x, y), batch_size=args.batch, shuffle=True)
    model = CallModel(x.shape[1], y.mean().item())
    opt = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.02)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, args.epochs * len(loader))
    for epoch in range(1, args.epochs + 1):
        model.train()
        total = 0.0
        for xb, yb in loader:
            loss = -model(xb).log_prob(yb).mean()
            opt.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            sched.step()
            total += loss.item() * len(xb)
        model.eval()
        with torch.no_grad():
            d = model(xv)
            val_loss = -d.log_prob(yv).mean().item()
            mae = (d.mean - yv).abs().mean().item()
        print(f"epoch {epoch}: nll {total / len(x):.4f}, val loss {val_loss:.4f}, mean calls off {mae:.2f}")
    print(f"final: val nll {val_loss:.4f}, shape {model.log_shape.exp().item():.2f} (3 in the simulation)")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("--epochs", type=int, default=20)
    p.add_argument("--batch", type=int, default=64)
    p.add_argument("--lr", type=float, default=2e-3)
    p.add_argument("--seed", type=int, default=3)
    main(p.parse_args())
