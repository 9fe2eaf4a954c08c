# Returns of the next day from signals of today: nearly all of it is noise, and that is known beforehand.
import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(67)
rng = np.random.default_rng(seed=67)
days, signals = 20000, 10
x = rng.standard_normal((days, signals)).astype(np.float32)
edge = 0.14 * np.tanh(x[:, 0]) + 0.12 * x[:, 1] * (x[:, 2] > 0) - 0.12 * x[:, 3]
r = (edge + rng.standard_normal(days)).astype(np.float32)
r /= r[:14000].std()
x, r = torch.from_numpy(x), torch.from_numpy(r)

model = nn.Sequential(nn.Linear(signals, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))
nn.init.zeros_(model[-1].bias)
epochs = 8
optimizer = torch.optim.AdamW(model.parameters(), lr=1.5e-3, weight_decay=0.2)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
loss_fn = nn.MSELoss()
flat = r[14000:].square().mean().item()
print(f"always predicting zero: {flat:.4f}")
for epoch in range(epochs):
    model.train()
    total = 0.0
    for i in torch.randperm(14000).split(200):
        loss = loss_fn(model(x[i]).squeeze(1), r[i])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(i) / 14000
    scheduler.step()
    model.eval()
    with torch.no_grad():
        guess = model(x[14000:]).squeeze(1)
        v = loss_fn(guess, r[14000:]).item()
        ic = torch.corrcoef(torch.stack([guess, r[14000:]]))[0, 1].item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {v:.4f} correlation {ic:.3f}")
print(f"final: val loss {v:.4f}, correlation {ic:.3f}, R2 {1 - v / flat:.4f}")
