"""Six blood values per sample, of which the clinic ordered only some: the others are NaN in the table and masked in the loss."""
import argparse

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, default=16)
parser.add_argument("--lr", type=float, default=2e-3)
parser.add_argument("--seed", type=int, default=3)
args = parser.parse_args()
torch.manual_seed(args.seed)
rng = np.random.default_rng(args.seed)

TESTS = ["hb", "crp", "ferritin", "glucose", "creatinine", "tsh"]
n = 3600
spectrum = rng.standard_normal((n, 24)) @ (0.5 * rng.standard_normal((24, 24)) + np.eye(24))
mix = rng.standard_normal((24, 6)) / 10
values = np.tanh(spectrum @ mix) + 0.4 * (spectrum[:, :6] * spectrum[:, 6:12] > 0) + 0.25 * rng.standard_normal((n, 6))
ordered = rng.random((n, 6)) < np.array([0.9, 0.6, 0.3, 0.7, 0.6, 0.2])
values[~ordered] = np.nan
spectrum = (spectrum - spectrum[:3000].mean(0)) / spectrum[:3000].std(0)
values = (values - np.nanmean(values[:3000], 0)) / np.nanstd(values[:3000], 0)
x, y = torch.tensor(spectrum).float(), torch.tensor(values).float()
train = DataLoader(TensorDataset(x[:3000], y[:3000]), batch_size=50, shuffle=True)
x_val, y_val = x[3000:], y[3000:]


def masked_mse(pred, target):
    seen = ~torch.isnan(target)
    return (pred[seen] - target[seen]).pow(2).mean()


model = nn.Sequential(nn.Linear(24, 64), nn.SiLU(), nn.Dropout(0.1), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, len(TESTS)))
optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.02)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, args.epochs)
for epoch in range(1, args.epochs + 1):
    model.train()
    total = 0.0
    for xb, yb in train:
        optimizer.zero_grad()
        loss = masked_mse(model(xb), yb)
        loss.backward()
        optimizer.step()
        total += loss.item() / len(train)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        pred = model(x_val)
        val = masked_mse(pred, y_val).item()
        worst = max(masked_mse(pred[:, i], y_val[:, i]).item() for i in range(len(TESTS)))
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} worst test {worst:.4f}")
