import copy
import numpy as np
import torch
from torch import nn
from sklearn.model_selection import train_test_split

rng = np.random.default_rng(seed=50)
torch.manual_seed(50)


def screening(n):
    x = rng.normal(size=(n, 12)).astype(np.float32)
    z = 1.1 * x[:, 0] + 0.9 * x[:, 1] * np.sign(x[:, 2]) - 0.8 * x[:, 5]
    y = (z + 1.4 * rng.normal(size=n) > 0).astype(np.float32)
    return x, y


def augment(x, y, copies=4, jitter=0.05):
    xs = [x] + [x + jitter * rng.normal(size=x.shape).astype(np.float32) for _ in range(copies)]
    return np.concatenate(xs), np.tile(y, copies + 1)


x, y = screening(2000)
x_test, y_test = map(torch.from_numpy, screening(3000))
x_train, x_val, y_train, y_val = train_test_split(x, y, test_size=0.3, random_state=0)
x_train, y_train = augment(x_train, y_train)
x_train, x_val, y_train, y_val = map(torch.from_numpy, (x_train, x_val, y_train, y_val))

net = nn.Sequential(nn.Linear(12, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 1), nn.Flatten(0))
opt = torch.optim.Adam(net.parameters(), lr=4e-4)
bce = nn.BCEWithLogitsLoss()
best, kept, bad = 1e9, None, 0
epochs = 60
for epoch in range(1, epochs + 1):
    net.train()
    train_loss = 0.0
    for idx in torch.randperm(len(x_train)).split(70):
        opt.zero_grad()
        loss = bce(net(x_train[idx]), y_train[idx])
        loss.backward()
        opt.step()
        train_loss += loss.item() * len(idx) / len(x_train)
    net.eval()
    with torch.no_grad():
        out = net(x_val)
        val_loss = bce(out, y_val).item()
        val_acc = ((out > 0) == (y_val > 0)).float().mean().item()
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {val_acc:.3f}")
    if val_loss < best:
        best, kept, bad = val_loss, copy.deepcopy(net.state_dict()), 0
    else:
        bad += 1
        if bad == 2:
            break
net.load_state_dict(kept)
net.eval()
with torch.no_grad():
    out = net(x_test)
print(f"final: best val {best:.3f}; on new rows: loss {bce(out, y_test).item():.3f} accuracy {((out > 0) == (y_test > 0)).float().mean().item():.3f}")
