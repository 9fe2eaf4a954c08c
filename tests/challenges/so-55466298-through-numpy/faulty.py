import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(14)
rng = np.random.default_rng(seed=14)
CHANNELS, STEPS, CLASSES = 16, 64, 5
bearing = rng.standard_normal((2, CHANNELS))
bearing /= np.linalg.norm(bearing, axis=1, keepdims=True)
gearbox = rng.standard_normal((6, CHANNELS))


def vibrations(n):
    """sixteen sensors on a machine; each kind of wear of the bearing has its own frequency, the gearbox hums over it"""
    label = rng.integers(CLASSES, size=n)
    t = np.arange(STEPS)
    freq = 5 + 4 * label[:, None] + rng.uniform(-1, 1, (n, 1))
    source = np.stack([np.sin(2 * np.pi * freq * t / STEPS + rng.uniform(0, 6.28, (n, 1))) for _ in range(2)], 2)
    hum_freq = rng.uniform(2, 28, (n, 1, 6))
    hum = np.sin(2 * np.pi * hum_freq * t[None, :, None] / STEPS + rng.uniform(0, 6.28, (n, 1, 6)))
    x = source @ bearing + 0.7 * hum @ gearbox + 0.3 * rng.standard_normal((n, STEPS, CHANNELS))
    wrong = rng.random(n) < 0.05
    label = np.where(wrong, rng.integers(CLASSES, size=n), label)
    return torch.tensor(x, dtype=torch.float32), torch.tensor(label)


class WearNet(nn.Module):
    """mixes the sensors down to three, takes the spectrum of each and classifies it"""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(CHANNELS, 3, bias=False)
        self.norm = nn.BatchNorm1d(3 * (STEPS // 2 + 1))
        self.fc1 = nn.Linear(3 * (STEPS // 2 + 1), 48)
        self.fc2 = nn.Linear(48, CLASSES)

    def spectrum(self, signal):
        signal = signal.detach().numpy()
        return torch.from_numpy(np.abs(np.fft.rfft(signal, axis=1))).float()

    def forward(self, x):
        s = self.spectrum(self.mix(x)).flatten(1)
        return self.fc2(F.relu(self.fc1(self.norm(s))))


x_train, y_train = vibrations(3000)
x_val, y_val = vibrations(600)
model = WearNet()
epochs = 14
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    model.train()
    order = torch.randperm(len(x_train))
    running = 0.0
    for i in range(0, len(order), 50):
        batch = order[i:i + 50]
        loss = F.cross_entropy(model(x_train[batch]), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        running += loss.item() * len(batch) / len(order)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = F.cross_entropy(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1:2d} loss {running:.4f} val loss {val_loss:.4f} val acc {acc:.3f}")
print(f"final: val loss {val_loss:.4f}, val acc {acc:.3f}")
