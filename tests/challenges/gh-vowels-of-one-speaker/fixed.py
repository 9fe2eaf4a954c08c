# Parkinson's disease from sustained vowels: every speaker has been recorded many times
import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(9)
rng = np.random.RandomState(9)
FEATURES = 22          # jitter, shimmer, noise-to-harmonics ...
effect = rng.normal(0, 1, FEATURES)
effect *= 1.8 / np.linalg.norm(effect)


def clinic(speakers, takes):
    ill = (rng.rand(speakers) < 0.5).astype(float)
    voice = rng.normal(0, 1, (speakers, FEATURES)) + np.outer(ill - 0.5, effect)
    who = np.repeat(np.arange(speakers), takes)
    x = voice[who] + rng.normal(0, 0.25, (len(who), FEATURES))
    return torch.tensor(x, dtype=torch.float32), torch.tensor(ill[who], dtype=torch.float32), who


x, y, who = clinic(speakers=240, takes=12)
x_new, y_new, _ = clinic(speakers=300, takes=2)

held_out = rng.permutation(240)[:60]
val = np.isin(who, held_out)
loader = DataLoader(TensorDataset(x[~val], y[~val]), batch_size=64, shuffle=True)

net = nn.Sequential(nn.Linear(FEATURES, 96), nn.Tanh(), nn.Dropout(0.3), nn.Linear(96, 1))
opt = torch.optim.RMSprop(net.parameters(), lr=3e-3, weight_decay=6e-3)
epochs = 5
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=epochs)
bce = nn.BCEWithLogitsLoss()


def score(x, y):
    net.eval()
    with torch.no_grad():
        out = net(x).squeeze(1)
    return bce(out, y).item(), ((out > 0) == (y > 0.5)).float().mean().item()


for epoch in range(epochs):
    net.train()
    total = 0.0
    for xb, yb in loader:
        loss = bce(net(xb).squeeze(1), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(xb)
    sched.step()
    print(f"epoch {epoch} train loss {total / (~val).sum():.4f} val loss %.4f val acc %.3f" % score(x[val], y[val]))
print("speakers of another clinic: loss %.4f acc %.3f" % score(x_new, y_new))
