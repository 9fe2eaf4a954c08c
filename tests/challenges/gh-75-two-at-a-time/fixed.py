"""Grain size from a small micrograph. Gradients are accumulated up to an effective batch of 32."""
import numpy as np
import torch
import torch.nn as nn

SEED = 9
EPOCHS = 10
MICRO_BATCH = 32
ACCUMULATE = 32 // MICRO_BATCH

torch.manual_seed(SEED)
rng = np.random.default_rng(SEED)


def micrographs(n, size=16):
    fx = np.fft.fftfreq(size)
    radius = np.sqrt(fx[:, None] ** 2 + fx[None] ** 2)
    grain = rng.uniform(1.0, 4.0, n)
    noise = np.fft.fft2(rng.standard_normal((n, size, size)))
    img = np.fft.ifft2(noise * np.exp(-0.5 * (2 * np.pi * radius[None] * grain[:, None, None]) ** 2)).real
    img = img / img.std((1, 2), keepdims=True) * rng.uniform(0.7, 1.3, (n, 1, 1)) + 0.15 * rng.standard_normal((n, size, size))
    label = (grain - 2.5) / 0.87 + 0.6 * rng.standard_normal(n)
    return torch.tensor(img[:, None], dtype=torch.float32), torch.tensor(label[:, None], dtype=torch.float32)


x_train, y_train = micrographs(1200)
x_val, y_val = micrographs(400)

model = nn.Sequential(
    nn.Conv2d(1, 12, 5, padding=2, bias=False), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 24, 3, padding=1, bias=False), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    nn.Linear(24, 32, bias=False), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 1))
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)
loss_fn = nn.MSELoss()


def train_one_epoch():
    model.train()
    total = 0.0
    optimizer.zero_grad()
    for step, idx in enumerate(torch.randperm(len(x_train)).split(MICRO_BATCH), start=1):
        loss = loss_fn(model(x_train[idx]), y_train[idx])
        (loss / ACCUMULATE).backward()
        total += loss.item() * len(idx)
        if step % ACCUMULATE == 0:
            optimizer.step()
            optimizer.zero_grad()
    return total / len(x_train)


@torch.no_grad()
def evaluate():
    model.eval()
    out = model(x_val)
    return loss_fn(out, y_val).item(), (out - y_val).abs().mean().item()


for epoch in range(1, EPOCHS + 1):
    train_loss = train_one_epoch()
    val_loss, mae = evaluate()
    scheduler.step()
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} mae {mae:.3f}")
