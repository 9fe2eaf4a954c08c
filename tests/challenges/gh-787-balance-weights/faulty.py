import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)
EPOCHS = 30


def readings(n, rng):
    """readings of a field by instruments of very different precision, which is known"""
    place = rng.uniform(-1, 1, (n, 3))
    field = np.sin(2.5 * place[:, 0]) + place[:, 1] * place[:, 2] + 0.5 * np.cos(3 * place[:, 1])
    sigma = np.where(rng.random(n) < 0.5, 0.2, 4.0)
    return place, field, field + sigma * rng.standard_normal(n), sigma


def weighted_mse(prediction, target, weight):
    error = (prediction - target) ** 2
    return (weight * error).mean()


rng = np.random.default_rng(17)
place, field, value, sigma = readings(4000, rng)
weight = 1 / (sigma ** 2 + 0.1 ** 2)
weight = (weight / weight.mean()).reshape(-1, 1)
place, field, value, weight = (torch.tensor(a, dtype=torch.float32) for a in (place, field, value, weight))
train = TensorDataset(place[:3200], value[:3200], weight[:3200])
loader = DataLoader(train, batch_size=64, shuffle=True)
place_val, value_val, weight_val, field_val = place[3200:], value[3200:], weight[3200:], field[3200:]

net = nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 1))
optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)

for epoch in range(EPOCHS):
    net.train()
    total = 0.0
    for x, y, w in loader:
        optimizer.zero_grad()
        loss = weighted_mse(net(x).squeeze(1), y, w)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    net.eval()
    with torch.no_grad():
        guess = net(place_val).squeeze(1)
        val_loss = weighted_mse(guess, value_val, weight_val).item()
        rms = (guess - field_val).pow(2).mean().sqrt().item()
    print(f"epoch {epoch + 1} loss {total / 3200:.5f} val loss {val_loss:.5f} rms against the field {rms:.4f}")
print(f"final: rms against the field {rms:.4f} (the field varies by {field_val.std().item():.3f})")
