import numpy as np
import torch
from torch import nn

torch.manual_seed(21)
rng = np.random.default_rng(21)
WEEKS, PARTS, WINDOW = 130, 60, 12

# weekly sales of spare parts: most weeks none, more in the season and after an inspection
season = 0.5 + 0.5 * np.sin(2 * np.pi * np.arange(WEEKS) / 26)
popularity = rng.gamma(2.0, 0.12, (PARTS, 1))
inspection = (rng.random((PARTS, WEEKS)) < 0.12).astype(float)
rate = popularity * (0.4 + 1.2 * season) * (1 + 1.5 * inspection)
orders = rng.random((PARTS, WEEKS)) < 1 - np.exp(-rate)
sales = orders * rng.integers(1, 6, (PARTS, WEEKS))
sales = sales.astype(np.float32)


def windows(first, last):
    x, y = [], []
    for week in range(first, last):
        past = sales[:, week - WINDOW:week] / 5.0
        known = np.stack([season[week] * np.ones(PARTS), inspection[:, week]], 1)
        x.append(np.concatenate([past, known, popularity], 1))
        y.append(sales[:, week])
    return torch.tensor(np.concatenate(x), dtype=torch.float32), torch.tensor(np.concatenate(y))


x_train, y_train = windows(WINDOW, 100)
x_val, y_val = windows(100, WEEKS)
print(f"{len(x_train)} training rows, {(y_train == 0).float().mean().item():.0%} of them without a sale")

model = nn.Sequential(nn.Linear(WINDOW + 3, 32), nn.Tanh(), nn.Linear(32, 16), nn.Tanh(), nn.Linear(16, 1))
loss_fn = nn.L1Loss()
optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.02)
epochs = 15
scheduler = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, epochs)

for epoch in range(1, epochs + 1):
    model.train()
    running = []
    for batch in torch.randperm(len(x_train)).split(64):
        loss = loss_fn(model(x_train[batch]).squeeze(1), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        forecast = model(x_val).squeeze(1)
        val_loss = loss_fn(forecast, y_val).item()
        rmse = (forecast - y_val).pow(2).mean().sqrt().item()
    print(f"epoch {epoch} train loss {np.mean(running):.4f} val loss {val_loss:.4f} rmse {rmse:.4f} "
          f"forecast {forecast.sum().item():.0f} sold {y_val.sum().item():.0f}")
