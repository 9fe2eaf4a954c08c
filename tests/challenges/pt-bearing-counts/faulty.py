# %% [markdown]
# Bearing faults from vibration: four conditions, 64 samples of the 16-bit converter

# %%
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 5
EPOCHS = 15
rng = np.random.default_rng(SEED)
torch.manual_seed(SEED)


# %%
def measure(n):
    t = np.arange(64)
    label = rng.integers(0, 4, n)
    signal = rng.normal(0, 1.0, (n, 64))
    signal += 1.0 * np.sin(0.2 * t + rng.uniform(0, 6.28, (n, 1)))
    for i, kind in enumerate(label):
        if kind:
            gap = (7, 10, 14)[kind - 1]
            start = rng.integers(0, gap)
            for s in range(start, 64, gap):
                tail = t[s:] - s
                signal[i, s:] += 2.6 * np.exp(-tail / 1.5) * np.cos(1.9 * tail)
    counts = np.clip(signal * 2100 + 350, -32768, 32767).astype(np.int16)
    return torch.from_numpy(counts.astype(np.float32))[:, None], torch.from_numpy(label)


x_train, y_train = measure(3000)
x_val, y_val = measure(800)

# %%
model = nn.Sequential(
    nn.Conv1d(1, 16, 9, padding=4), nn.Tanh(),
    nn.Conv1d(16, 16, 9, padding=4), nn.Tanh(), nn.MaxPool1d(4),
    nn.Conv1d(16, 32, 5, padding=2), nn.Tanh(), nn.MaxPool1d(4),
    nn.Flatten(), nn.Dropout(0.3), nn.Linear(128, 4),
)
optimizer = torch.optim.Adagrad(model.parameters(), lr=0.02)

# %%
for epoch in range(EPOCHS):
    model.train()
    losses = []
    for idx in torch.randperm(len(x_train)).split(60):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x_train[idx]), y_train[idx], label_smoothing=0.1)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    with torch.no_grad():
        logits = model(x_val)
        val = F.cross_entropy(logits, y_val, label_smoothing=0.1).item()
        acc = (logits.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {np.mean(losses):.4f} val loss {val:.4f} accuracy {acc:.3f}")
