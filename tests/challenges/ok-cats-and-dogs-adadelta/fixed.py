import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

batch_size = 50
num_classes = 2
epochs = 12

torch.manual_seed(2)


def silhouettes(count, seed):
    """24 x 24 colour pictures: pointed ears above the head (1) or ears that hang at its sides (0)"""
    rng = np.random.default_rng(seed)
    rr, cc = np.mgrid[0:24, 0:24]
    x = np.empty((count, 3, 24, 24), dtype=np.float32)
    y = rng.integers(0, 2, count)
    for i in range(count):
        r, c, s = rng.integers(11, 15), rng.integers(10, 14), rng.integers(4, 6)
        shape = (rr - r) ** 2 + (cc - c) ** 2 <= s * s
        for side in (-1, 1):
            if y[i]:
                shape |= (rr > r - s - 4) & (rr < r - 2) & (abs(cc - (c + side * (s - 1))) <= (rr - (r - s - 4)) * 0.5)
            else:
                shape |= (abs(rr - (r + 1)) <= s - 1) & (abs(cc - (c + side * (s + 1))) <= 1)
        fur, wall = rng.uniform(0, 1, (2, 3, 1, 1))
        x[i] = np.where(shape, fur, wall) + rng.normal(0, 0.12, (3, 24, 24))
    flip = rng.random(count) < 0.05
    return torch.from_numpy(x.clip(0, 1) * 4 - 2), torch.from_numpy(np.where(flip, 1 - y, y))


train = DataLoader(TensorDataset(*silhouettes(1200, 0)), batch_size, shuffle=True)
test = DataLoader(TensorDataset(*silhouettes(400, 1)), 200)

model = nn.Sequential(
    nn.Conv2d(3, 12, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(12, 16, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Conv2d(16, 16, 3), nn.ReLU(),
    nn.Flatten(),
    nn.Dropout(0.3),
    nn.Linear(16 * 2 * 2, num_classes),
    nn.LogSoftmax(dim=1),
)
optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0, weight_decay=0.001)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.8)
nll = nn.NLLLoss()

for epoch in range(epochs):
    model.train()
    train_loss = 0.0
    for pictures, labels in train:
        optimizer.zero_grad()
        loss = nll(model(pictures), labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() / len(train)
    scheduler.step()
    model.eval()
    val_loss = right = 0.0
    with torch.no_grad():
        for pictures, labels in test:
            out = model(pictures)
            val_loss += nll(out, labels).item() / len(test)
            right += (out.argmax(1) == labels).sum().item() / 400
    print(f"epoch {epoch + 1} train loss {train_loss:.4f} val loss {val_loss:.4f} val accuracy {right:.4f}")
