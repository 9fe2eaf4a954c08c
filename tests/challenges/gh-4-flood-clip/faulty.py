import numpy as np
import torch
from torch import nn


def river(n_days, rng):
    """Daily rain and snow melt, and the discharge of a river that now and then floods."""
    wet, flow, rows = 0.0, 0.0, []
    for day in range(n_days):
        season = np.sin(2 * np.pi * day / 365)
        rain = rng.gamma(0.4, 1.6) * (1 + 0.4 * season)
        melt = max(0.0, season) * rng.gamma(2.0, 0.3)
        wet = 0.85 * wet + rain + melt
        flow = 0.6 * flow + 0.08 * wet ** 2.0
        rows.append([rain, melt, season, flow * np.exp(0.15 * rng.normal())])
    return np.array(rows)


class Discharge(nn.Module):
    def __init__(self, hidden=32):
        super().__init__()
        self.rnn = nn.RNN(3, hidden, batch_first=True)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x):
        return self.readout(self.rnn(x)[0]).squeeze(2)


def cut(table, length=40):
    x = torch.tensor(table[:, :3], dtype=torch.float32).unfold(0, length, 10).transpose(1, 2)
    y = torch.tensor(table[:, 3], dtype=torch.float32).unfold(0, length, 10)
    return x.contiguous(), y.contiguous()


seed = 12
torch.manual_seed(seed)
rng = np.random.default_rng(seed)
table = river(9000, rng)
table[:, :3] = (table[:, :3] - table[:7000, :3].mean(0)) / table[:7000, :3].std(0)
table[:, 3] = (table[:, 3] - table[:7000, 3].mean()) / table[:7000, 3].std()
x_train, y_train = cut(table[:7000])
x_val, y_val = cut(table[7000:])
warm_up = 10

model = Discharge()
epochs = 30
optimizer = torch.optim.SGD(model.parameters(), lr=0.15, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.MSELoss()
for epoch in range(epochs):
    losses = []
    for rows in torch.randperm(len(x_train)).split(16):
        optimizer.zero_grad()
        loss = criterion(model(x_train[rows])[:, warm_up:], y_train[rows, warm_up:])
        loss.backward()
        optimizer.step()
        nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        losses.append(loss.item())
    scheduler.step()
    with torch.no_grad():
        val_loss = criterion(model(x_val)[:, warm_up:], y_val[:, warm_up:]).item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {val_loss:.4f} "
          f"efficiency {1 - val_loss / y_val[:, warm_up:].var().item():.3f}")
