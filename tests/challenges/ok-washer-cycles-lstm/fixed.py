import numpy as np
import torch
import torch.nn as nn

seed = 7
torch.manual_seed(seed)
rng = np.random.default_rng(seed)

# power drawn by a washing machine, 50 steps, which programme is it?
N, T = 4000, 50
labels = rng.integers(0, 4, N)
X = np.zeros((N, T, 2), dtype=np.float32)
for i in range(N):
    k = labels[i]
    heat = rng.integers(4, 9) + [0, 8, 0, 4][k]
    start = rng.integers(2, 8)
    power = np.zeros(T)
    power[start:start + heat] += 2.0
    spin = T - rng.integers(5, 10)
    power[spin:] += 1.0
    if k == 2:                      # two short spins in between
        mid = rng.integers(20, 30)
        power[mid:mid + 3] += 1.0
    drum = np.sin(np.arange(T) * [0.9, 0.9, 0.9, 1.6][k] + rng.uniform(0, 6))
    X[i, :, 0] = power + 0.5 * rng.standard_normal(T)
    X[i, :, 1] = drum + 0.5 * rng.standard_normal(T)
bad = rng.random(N) < 0.06
labels[bad] = rng.integers(0, 4, bad.sum())
X -= X[:3200].mean((0, 1))
X /= X[:3200].std((0, 1))

x_train, y_train = torch.from_numpy(X[:3200]), torch.from_numpy(labels[:3200])
x_val, y_val = torch.from_numpy(X[3200:]), torch.from_numpy(labels[3200:])


class WasherLSTM(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(2, 32, batch_first=True, bidirectional=True)
        self.drop = nn.Dropout(0.2)
        self.fc = nn.Linear(64, 4)

    def forward(self, x):
        out, _ = self.lstm(x)
        return self.fc(self.drop(out.mean(dim=1)))


model = WasherLSTM()
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
epochs = 14
scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, milestones=[epochs // 2, epochs * 3 // 4], gamma=0.3)
for epoch in range(epochs):
    model.train()
    order = torch.randperm(len(x_train))
    losses = []
    for s in range(0, len(order), 64):
        b = order[s:s + 64]
        optimizer.zero_grad()
        loss = criterion(model(x_train[b]), y_train[b])
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(x_val)
        val_loss = criterion(out, y_val).item()
        acc = (out.argmax(1) == y_val).float().mean().item()
    print("epoch %d train loss %.4f val loss %.4f accuracy %.3f" % (epoch + 1, np.mean(losses), val_loss, acc))
