# %% reduced-rank regression: the concentrations of twelve substances drive sixty channels through three factors
import torch
from torch import nn

torch.manual_seed(31)
SUBSTANCES, FACTORS, CHANNELS = 12, 3, 60
load = torch.randn(SUBSTANCES, FACTORS) / SUBSTANCES ** 0.5
centre = torch.linspace(10, 50, FACTORS)[:, None]
response = torch.exp(-((torch.arange(CHANNELS) - centre) / 8) ** 2 / 2)


def measure(n):
    c = torch.randn(n, SUBSTANCES)
    return c, c @ load @ response * 2 + 0.3 * torch.randn(n, CHANNELS)


x_train, y_train = measure(1500)
x_val, y_val = measure(400)

# %%
model = nn.Sequential(nn.Linear(SUBSTANCES, FACTORS, bias=False), nn.Linear(FACTORS, CHANNELS))
optimizer = torch.optim.SGD(model.parameters(), lr=0.3, momentum=0.9, nesterov=True)
epochs = 25
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
mse = nn.MSELoss()
for epoch in range(epochs):
    order, total = torch.randperm(len(x_train)), 0.0
    for start in range(0, len(order), 60):
        rows = order[start:start + 60]
        optimizer.zero_grad()
        loss = mse(model(x_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    schedule.step()
    with torch.no_grad():
        val_loss = mse(model(x_val), y_val).item()
    print(f"epoch {epoch + 1} train loss {total / len(order):.5f} val loss {val_loss:.5f} noise {0.3 ** 2:.5f}")

# %% against the solution of the normal equations cut to rank three
with torch.no_grad():
    full = torch.linalg.lstsq(x_train, y_train).solution
    u, s, v = torch.linalg.svd(x_train @ full, full_matrices=False)
    best = full @ v[:FACTORS].T @ v[:FACTORS]
    print(f"closed form {mse(x_val @ best, y_val).item():.5f}")
