import numpy as np
import torch
import torch.nn as nn
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from torch.utils.data import DataLoader, TensorDataset

seed = 7
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# dose (g), grind (microns), temperature (C), pressure (bar), time (s), age of the beans (days)
n = 3000
dose = rng.normal(18, 1, n)
grind = rng.normal(300, 40, n)
temperature = rng.normal(93, 1.5, n)
pressure = rng.normal(9, 0.7, n)
seconds = rng.normal(28, 4, n)
age = rng.uniform(3, 40, n)
flow = pressure / 9 * (grind / 300) ** 1.5
extraction = 14 + 6 * np.tanh(seconds * 300 / grind / 30) + 0.5 * (temperature - 93) - 2.5 * (flow - 1) ** 2 * 4
extraction += -0.04 * np.maximum(age - 20, 0) - 0.3 * (dose - 18) + rng.normal(0, 0.5, n)
X = np.column_stack([dose, grind, temperature, pressure, seconds, age])
X_train, X_val, y_train, y_val = train_test_split(X, extraction, test_size=0.25, random_state=seed)
x_scaler, y_scaler = StandardScaler().fit(X_train), StandardScaler().fit(y_train[:, None])


def tensors(X, y):
    return (torch.tensor(x_scaler.transform(X), dtype=torch.float32),
            torch.tensor(y_scaler.transform(y[:, None]), dtype=torch.float32))


train_loader = DataLoader(TensorDataset(*tensors(X_train, y_train)), batch_size=32, shuffle=True)
val_x, val_y = tensors(X_val, y_val)

model = nn.Sequential(nn.Linear(6, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
epochs = 25
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
criterion = nn.MSELoss()
for epoch in range(epochs):
    model.train()
    total = 0.0
    for x, y in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        total += loss.item() * len(x)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_x)
        val = criterion(out, val_y).item()
        points = (out - val_y).abs().mean().item() * y_scaler.scale_[0]
    print(f"epoch {epoch + 1} train loss {total / len(X_train):.4f} val loss {val:.4f} mae {points:.3f} %")
