# Level of a retention pond over the next six hours from the last day of level and rain.
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

torch.manual_seed(2)
rng = np.random.default_rng(seed=2)
PAST, AHEAD = 24, 6


def simulate(hours):
    rain = np.zeros(hours)
    t = 0
    while t < hours:
        t += rng.integers(6, 40)
        length = rng.integers(2, 9)
        rain[t:t + length] += rng.gamma(2.0, 0.5)
    level, soil, out = 1.0, 0.0, np.zeros(hours)
    for h in range(hours):
        soil = 0.8 * soil + rain[h]
        level = max(level + 0.06 * soil - 0.05 * level ** 1.5 + 0.03 * rng.standard_normal(), 0.05)
        out[h] = level
    return np.stack([out, rain + 0.0 * out], 1).astype(np.float32)


class Windows(Dataset):
    def __init__(self, series):
        self.series = torch.from_numpy(series)

    def __len__(self):
        return (len(self.series) - PAST - AHEAD) // 2

    def __getitem__(self, i):
        s = 2 * i
        past = self.series[s:s + PAST]
        coming = self.series[s + PAST:s + PAST + AHEAD]
        return past, coming[:, 1], coming[:, 0]       # the weather service knows the coming rain


series = simulate(6600)
cut = 5000
m, sd = series[:cut].mean(0), series[:cut].std(0)
series = (series - m) / sd
train_loader = DataLoader(Windows(series[:cut]), batch_size=50, shuffle=True)
val_loader = DataLoader(Windows(series[cut:]), batch_size=250)


class Forecaster(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.encoder = nn.GRU(2, hidden, batch_first=True)
        self.decoder = nn.GRU(1, hidden, batch_first=True)
        self.head = nn.Linear(hidden, 1)

    def forward(self, past, rain):
        _, h = self.encoder(past)
        out, _ = self.decoder(rain.unsqueeze(-1), h)
        return past[:, -1:, 0] + self.head(out).squeeze(-1)


def evaluate(model, loader, loss_fn):
    model.eval()
    losses, naive = [], []
    with torch.no_grad():
        for past, rain, y in loader:
            losses.append(loss_fn(model(past, rain), y).item() * len(y))
            naive.append(loss_fn(past[:, -1:, 0].expand_as(y), y).item() * len(y))
    return sum(losses) / len(loader.dataset), sum(naive) / len(loader.dataset)


def main():
    model = Forecaster()
    loss_fn = nn.MSELoss()
    opt = torch.optim.Adam(model.parameters(), lr=4e-3)
    EPOCHS = 12
    sched = torch.optim.lr_scheduler.ExponentialLR(opt, gamma=0.8)
    for epoch in range(EPOCHS):
        model.train()
        total = 0
        for past, rain, y in train_loader:
            loss = loss_fn(model(past, rain), y)
            opt.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 2.0)
            opt.step()
            total += loss.item() * len(y)
        sched.step()
        val, naive = evaluate(model, val_loader, loss_fn)
        print(f"epoch {epoch + 1} train loss {total / len(train_loader.dataset):.4f} val loss {val:.4f} (persistence {naive:.4f})")


main()
