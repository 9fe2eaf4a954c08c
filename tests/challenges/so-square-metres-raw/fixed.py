import numpy as np
import torch
import torch.nn as nn


def load_flats(n, rng):
    area = rng.uniform(25, 180, n)
    year = rng.integers(1890, 2022, n).astype(float)
    station = rng.exponential(2500, n)
    rooms = np.clip(np.round(area / 30 + rng.normal(0, 0.7, n)), 1, 8)
    floor = rng.integers(0, 12, n).astype(float)
    value = 0.011 * area * (1 + 0.4 * np.exp(-station / 1500)) + 0.000035 * (year - 1950) ** 2 + 0.08 * rooms + 0.02 * floor
    value = value + rng.normal(0, 0.18, n)
    return np.stack([area, year, station, rooms, floor], 1), (value - 1.75) / 0.68


def main():
    rng = np.random.default_rng(seed=12)
    torch.manual_seed(12)
    features, price = load_flats(3200, rng)
    train, val = slice(0, 2400), slice(2400, None)
    mean, std = features[train].mean(0), features[train].std(0)
    features = (features - mean) / std
    X = torch.tensor(features, dtype=torch.float32)
    y = torch.tensor(price, dtype=torch.float32)[:, None]

    model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1))
    loss_fn = nn.MSELoss()
    EPOCHS = 25
    opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
    n = 2400
    for epoch in range(EPOCHS):
        model.train()
        order = np.random.default_rng(epoch).permutation(n)
        total = 0.0
        for k in range(0, n, 48):
            idx = torch.from_numpy(order[k:k + 48])
            opt.zero_grad()
            loss = loss_fn(model(X[train][idx]), y[train][idx])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            opt.step()
            total += loss.item() * len(idx)
        sched.step()
        model.eval()
        with torch.no_grad():
            val_loss = loss_fn(model(X[val]), y[val]).item()
        print(f"epoch {epoch + 1} train loss {total / n:.4f} val loss {val_loss:.4f}")
    print(f"final: val loss {val_loss:.4f}, variance of the prices {y[val].var().item():.2f}")


main()
