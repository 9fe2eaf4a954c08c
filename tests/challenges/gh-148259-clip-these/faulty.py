import numpy as np
import torch
from torch import nn

torch.manual_seed(13)
rng = np.random.default_rng(13)
EPOCHS = 30


def trips(n):
    """taxi trips: five features; one meter in a hundred reports a value many times too large"""
    x = rng.normal(size=(n, 5))
    y = np.sin(1.5 * x[:, 0]) + 0.6 * x[:, 1] * x[:, 2] - 0.4 * x[:, 3] + 0.5 * rng.normal(size=n)
    broken = rng.random(n) < 0.01
    x[broken] *= 25
    return torch.tensor(x, dtype=torch.float32), torch.tensor(y, dtype=torch.float32), torch.tensor(~broken)


x, y, _ = trips(2500)
xv, yv, good = trips(800)
xv, yv = xv[good], yv[good]             # the test stand has no broken meters

model = nn.Sequential(nn.Linear(5, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 1), nn.Flatten(0))
params = model.parameters()
print("parameters:", sum(p.numel() for p in params))

optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
mse = nn.MSELoss()

for epoch in range(EPOCHS):
    model.train()
    losses = []
    for batch in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        loss = mse(model(x[batch]), y[batch])
        loss.backward()
        nn.utils.clip_grad_norm_(params, 0.5)
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val = mse(out, yv).item()
        mae = (out - yv).abs().mean().item()
    print(f"epoch {epoch + 1:2d}  train loss {np.median(losses):.4f}  val loss {val:.4f}  val mae {mae:.3f}")
