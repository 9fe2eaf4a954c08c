import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

np.random.seed(3)
torch.manual_seed(3)

GESTURES = ["wave", "push", "circle", "tap"]
STEPS = 40


def record(n):
    """four flex sensors of a glove, read by a ten-bit converter"""
    label = np.random.randint(0, 4, n)
    t = np.linspace(0, 1, STEPS)
    out = np.zeros((n, 4, STEPS))
    for i, k in enumerate(label):
        f, p = np.random.uniform(1.5, 3), np.random.uniform(0, 6.28)
        a = np.random.uniform(0.6, 1.3)
        if k == 0:
            shape = [np.sin(6.28 * f * t + p + d + np.random.normal(0, 0.6)) for d in (0, 0, 3.14, 3.14)]
        elif k == 1:
            shape = [np.tanh(8 * (t - np.random.uniform(0.3, 0.7)))] * 4
        elif k == 2:
            shape = [np.sin(6.28 * f * t + p + d + np.random.normal(0, 0.6)) for d in (0, 1.57, 3.14, 4.71)]
        else:
            shape = [np.exp(-((t - np.random.uniform(0.2, 0.8)) / 0.05) ** 2) * 2] * 4
        out[i] = 560 + 110 * a * np.array(shape) + np.random.normal(0, 60, (4, STEPS))
    return np.clip(np.round(out), 0, 1023), label


class GestureNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv1d(4, 16, 5, padding=2)
        self.conv2 = nn.Conv1d(16, 32, 5, padding=2)
        self.fc1 = nn.Linear(32 * 10, 32)
        self.fc2 = nn.Linear(32, len(GESTURES))

    def forward(self, x):
        x = F.max_pool1d(F.relu(self.conv1(x)), 2)
        x = F.max_pool1d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


readings, label = record(1600)
readings = (readings - readings[:1200].mean()) / readings[:1200].std()
X, Y = torch.tensor(readings, dtype=torch.float32), torch.tensor(label)
X_train, Y_train, X_val, Y_val = X[:1200], Y[:1200], X[1200:], Y[1200:]

net = GestureNet()
epochs = 14
optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    net.train()
    order = np.random.permutation(len(X_train))
    for start in range(0, len(order), 24):
        batch = order[start:start + 24]
        optimizer.zero_grad()
        loss = F.cross_entropy(net(X_train[batch]), Y_train[batch])
        loss.backward()
        optimizer.step()
    scheduler.step()
    net.eval()
    with torch.no_grad():
        out = net(X_val)
        val_loss, acc = F.cross_entropy(out, Y_val).item(), (out.argmax(1) == Y_val).float().mean().item()
    print(f"epoch {epoch + 1}/{epochs} - loss {loss.item():.4f} - val loss {val_loss:.4f} - val accuracy {acc:.3f}")
print(f"final: val loss {val_loss:.4f}, val accuracy {acc:.3f}")
