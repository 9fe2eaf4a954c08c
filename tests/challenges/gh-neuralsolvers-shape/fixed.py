import math

import torch
import torch.nn as nn

torch.manual_seed(21)


def initial_condition(n):
    coords = torch.rand(n, 3) * 2 - 1
    value = torch.exp(-3 * coords[:, 0] ** 2) * torch.cos(math.pi * coords[:, 1]) + 0.5 * coords[:, 2]
    return coords, value + 0.2 * torch.randn(n)


train_coords, train_value = initial_condition(3000)
val_coords, val_value = initial_condition(1000)
scale = train_coords.std(0)
train_coords, val_coords = train_coords / scale, val_coords / scale

model = nn.Sequential(nn.Linear(3, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 1))
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
epochs = 25
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, epochs=epochs, steps_per_epoch=50)


def misfit(coords, value):
    prediction = model(coords).reshape(-1)
    return torch.mean((prediction - value) ** 2)


for epoch in range(epochs):
    model.train()
    order = torch.randperm(3000)
    running = 0.0
    for k in range(50):
        idx = order[k * 60:(k + 1) * 60]
        optimizer.zero_grad()
        loss = misfit(train_coords[idx], train_value[idx])
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item() / 50
    model.eval()
    with torch.no_grad():
        val = misfit(val_coords, val_value).item()
        pred = model(val_coords).reshape(-1)
        r2 = 1 - ((pred - val_value) ** 2).mean().item() / val_value.var().item()
    print(f"epoch {epoch + 1}: train {running:.4f}, val loss {val:.4f}, R2 {r2:.3f}")
print(f"final: val loss {val:.4f}, R2 {r2:.3f}")
