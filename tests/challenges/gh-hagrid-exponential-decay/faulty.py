import numpy as np
import torch
from torch import nn

rng = np.random.default_rng(5)


def gestures(n, length=20):
    kind = rng.integers(0, 6, n)
    t = np.linspace(0, 1, length)
    turn = rng.uniform(0.8, 1.2, (n, 1))
    direction = np.where(kind % 2 == 0, 1, -1)[:, None]
    loops = (1 + kind // 2)[:, None]
    angle = 2 * np.pi * loops * t * turn * direction + rng.uniform(0, 2 * np.pi, (n, 1))
    xy = np.stack([np.cos(angle), np.sin(angle)], 2) + 0.7 * rng.normal(size=(n, length, 2))
    kind = np.where(rng.random(n) < 0.1, rng.integers(0, 6, n), kind)
    return torch.tensor(xy, dtype=torch.float32), torch.tensor(kind)


class GestureRNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.RNN(2, 40, num_layers=2, batch_first=True)
        self.drop = nn.Dropout(0.1)
        self.fc = nn.Linear(40, 6)

    def forward(self, x):
        h, _ = self.rnn(x)
        return self.fc(self.drop(h.mean(1)))


torch.manual_seed(29)
x, y = gestures(2200)
xv, yv = gestures(800)
model = GestureRNN()
optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.1)
epochs = 24
criterion = nn.CrossEntropyLoss()
for epoch in range(1, epochs + 1):
    model.train()
    losses = []
    for idx in torch.randperm(len(x)).split(50):
        optimizer.zero_grad()
        loss = criterion(model(x[idx]), y[idx])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 2.0)
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val, acc = criterion(out, yv).item(), (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch} loss {np.mean(losses):.4f} val loss {val:.4f} val acc {acc:.4f}")
print(f"final: val loss {val:.4f}, val accuracy {acc:.4f}")
