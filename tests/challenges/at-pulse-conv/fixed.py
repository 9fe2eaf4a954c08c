import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

SEED = 4
torch.manual_seed(SEED)


def pulses(n, length=48, seed=2):
    """noisy one-channel recordings of three kinds of pulse"""
    rng = np.random.RandomState(seed)
    y = rng.randint(0, 3, n)
    t = np.arange(length)[None] - rng.uniform(16, 32, (n, 1))
    w = rng.uniform(2.5, 5, (n, 1))
    bell = np.exp(-(t / w) ** 2)
    kinds = np.stack([bell, -bell * t / w * 1.6, bell * np.cos(3 * t / w)])
    x = kinds[y, np.arange(n)] + rng.normal(0, 0.45, (n, length))
    return torch.tensor(x, dtype=torch.float32).unsqueeze(1), torch.tensor(y)


def build(depth=4, width=8):
    layers, c = [], 1
    for k in range(depth):
        layers += [nn.Conv1d(c, width, 5, padding=2), nn.LeakyReLU(0.1)]
        c = width
    layers += [nn.AdaptiveMaxPool1d(4), nn.Flatten(), nn.Linear(4 * width, 3)]
    for m in layers:
        if isinstance(m, (nn.Conv1d, nn.Linear)):
            nn.init.kaiming_normal_(m.weight)
            nn.init.zeros_(m.bias)
    return nn.Sequential(*layers)


x, y = pulses(5600)
train = DataLoader(TensorDataset(x[:5000], y[:5000]), batch_size=100, shuffle=True)
val = DataLoader(TensorDataset(x[5000:], y[5000:]), batch_size=600)
net = build()
epochs = 10
opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, nesterov=True)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
ce = nn.CrossEntropyLoss()
for epoch in range(1, epochs + 1):
    net.train()
    run = 0.0
    for xb, yb in train:
        opt.zero_grad()
        loss = ce(net(xb), yb)
        loss.backward()
        opt.step()
        run += loss.item() * len(xb)
    sched.step()
    net.eval()
    with torch.no_grad():
        for xb, yb in val:
            out = net(xb)
            vl, va = ce(out, yb).item(), (out.argmax(1) == yb).float().mean().item()
    print(f"epoch {epoch:2d} - train loss {run / 5000:.4f} - val loss {vl:.4f} - val acc {va:.3f}")
