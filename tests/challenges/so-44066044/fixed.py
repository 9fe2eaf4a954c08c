import numpy as np
import torch
from torch import nn

seed = 4
np.random.seed(seed)
torch.manual_seed(seed)


def capture(n):
    """one row a packet: ports, lengths, flags, time to live, window, gap; label: belongs to a scan"""
    scan = np.random.rand(n) < 0.4
    src = np.where(scan, np.random.randint(30000, 65535, n), np.random.randint(1024, 65535, n))
    dst = np.where(scan, np.random.randint(1, 20000, n), np.random.choice([22, 53, 80, 443, 8080], n))
    length = np.where(scan, np.random.normal(70, 25, n), np.random.gamma(2.0, 260, n)).clip(40, 1500)
    ttl = np.random.choice([64, 128, 255], n, p=[0.5, 0.35, 0.15]) - np.random.randint(0, 20, n)
    window = np.where(scan & (np.random.rand(n) < 0.7), 1024, np.random.randint(4000, 65535, n))
    flags = np.stack([np.random.rand(n) < np.where(scan, a, b) for a, b in ((0.8, 0.2), (0.2, 0.8), (0.1, 0.4), (0.3, 0.1))], 1)
    gap = np.random.exponential(np.where(scan, 2.0, 40.0), n)
    x = np.column_stack([src, dst, length, ttl, window, flags, gap, np.random.randint(1, 4, n)])
    label = scan ^ (np.random.rand(n) < 0.06)
    return x.astype("float32"), label.astype("float32")


X, Y = capture(2600)
X[:, [0, 1, 2, 4, 9]] = np.log1p(X[:, [0, 1, 2, 4, 9]])
X = (X - X[:2000].mean(axis=0)) / X[:2000].std(axis=0)
X, Y = torch.tensor(X), torch.tensor(Y)


class PacketNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(11, 12)
        self.fc2 = nn.Linear(12, 12)
        self.fc3 = nn.Linear(12, 1)

    def forward(self, x):
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x).squeeze(1)


class Trainer:
    def __init__(self, model, batch_size=10):
        self.model = model
        self.batch_size = batch_size
        self.loss = nn.BCEWithLogitsLoss()
        self.optimizer = torch.optim.Adam(model.parameters(), lr=0.001)

    def one_epoch(self, x, y):
        self.model.train()
        total = 0.0
        order = torch.randperm(len(x))
        for start in range(0, len(x), self.batch_size):
            idx = order[start:start + self.batch_size]
            self.optimizer.zero_grad()
            loss = self.loss(self.model(x[idx]), y[idx])
            loss.backward()
            self.optimizer.step()
            total += loss.item() * len(idx)
        return total / len(x)

    @torch.no_grad()
    def evaluate(self, x, y):
        self.model.eval()
        out = self.model(x)
        return self.loss(out, y).item(), ((out > 0).float() == y).float().mean().item()


trainer = Trainer(PacketNet())
EPOCHS = 16
for epoch in range(EPOCHS):
    train = trainer.one_epoch(X[:2000], Y[:2000])
    val, acc = trainer.evaluate(X[2000:], Y[2000:])
    print(f"epoch {epoch + 1} | train loss {train:.4f} | val loss {val:.4f} | acc {acc:.4f}")
