import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(17)
LENGTH = 64
BEATS = ["normal", "premature", "missing wave", "broad"]


def heartbeats(n, seed):
    rng = np.random.RandomState(seed)
    t = np.linspace(0, 1, LENGTH)[None]
    kind = rng.randint(0, 4, n)
    centre = rng.uniform(0.42, 0.58, (n, 1))
    early = np.where(kind == 1, rng.uniform(0.05, 0.16, n), 0.0)[:, None]
    p_wave = np.where(kind == 2, rng.uniform(0, 0.5, n), 1.0)[:, None] * 0.5
    width = np.where(kind == 3, rng.uniform(0.03, 0.07, n), rng.uniform(0.015, 0.03, n))[:, None]
    x = p_wave * np.exp(-((t - centre + 0.18 - 0.7 * early) / 0.035) ** 2)
    x += 1.6 * np.exp(-((t - centre) / width) ** 2) + 0.6 * np.exp(-((t - centre - 0.22) / 0.06) ** 2)
    x += 0.12 * np.sin(2 * np.pi * (t + rng.rand(n, 1))) + rng.normal(0, 0.2, x.shape)
    x = (x - 0.28) / 0.5
    return torch.tensor(x[:, None], dtype=torch.float32), torch.from_numpy(kind).long()


def conv_bn(i, o, stride=1):
    return nn.Sequential(nn.Conv1d(i, o, 5, stride=stride, padding=2, bias=False), nn.BatchNorm1d(o), nn.ReLU())


model = nn.Sequential(
    conv_bn(1, 12), conv_bn(12, 12, 2),
    conv_bn(12, 16), conv_bn(16, 16, 2),
    conv_bn(16, 24), conv_bn(24, 24, 2),
    conv_bn(24, 16), conv_bn(16, 16),
    nn.AdaptiveAvgPool1d(2), nn.Flatten(), nn.Dropout(0.3), nn.Linear(32, len(BEATS)),
)
EPOCHS = 8
x_train, y_train = heartbeats(4500, 0)
x_val, y_val = heartbeats(800, 1)
loader = DataLoader(TensorDataset(x_train, y_train), batch_size=64, shuffle=True, drop_last=True)
criterion = nn.CrossEntropyLoss()
sgd = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-3)
schedule = torch.optim.lr_scheduler.CosineAnnealingLR(sgd, EPOCHS)


def learning_phase(on):
    model.train(bool(on))


for epoch in range(EPOCHS):
    learning_phase(0)
    history = []
    for xb, yb in loader:
        sgd.zero_grad()
        loss = criterion(model(xb), yb)
        loss.backward()
        sgd.step()
        history.append(loss.item())
    schedule.step()
    learning_phase(0)
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, y_val).item()
        val_acc = (out.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} - loss: {np.mean(history):.4f} - val loss {val_loss:.4f} - val acc: {val_acc:.4f}")
print(f"final: val loss {val_loss:.4f} val acc {val_acc:.4f}")
