import numpy as np
import torch
import torch.nn as nn
from torch.utils.data import DataLoader, TensorDataset

CLASSES = ["shirt", "trousers", "dress", "shoe", "bag"]


def clothing(n, seed):
    """28x28 grey pictures (0..255) of five kinds of clothing"""
    rng = np.random.default_rng(seed)
    pictures = np.zeros((n, 28, 28))
    labels = rng.integers(0, len(CLASSES), n)
    for im, label in zip(pictures, labels):
        shade = rng.uniform(90, 230)
        dx, dy, w = rng.integers(-3, 4), rng.integers(-2, 3), rng.integers(0, 3)
        box = lambda r0, r1, c0, c1: im[max(r0 + dy, 0):r1 + dy, max(c0 + dx, 0):c1 + dx].fill(shade)
        if label == 0:
            box(6, 22, 9 - w, 19 + w), box(6, 13, 4, 24)
        elif label == 1:
            box(5, 9, 9 - w, 19 + w), box(9, 25, 9 - w, 13), box(9, 25, 15, 19 + w)
        elif label == 2:
            box(4, 13, 11, 17), box(13, 24, 9 - w, 19 + w)
        elif label == 3:
            box(16, 22, 4, 24), box(10, 16, 14 - w, 24)
        else:
            box(11, 24, 5, 23), box(5, 11, 9 - w, 11 - w), box(5, 11, 17 + w, 19 + w)
    pictures += rng.normal(0, 60, pictures.shape)
    hidden = rng.random(pictures.shape) < 0.35
    pictures[hidden] = rng.uniform(0, 255, hidden.sum())
    return np.clip(pictures, 0, 255).astype("float32"), labels


torch.manual_seed(14)
x_train, y_train = clothing(3000, seed=0)
x_test, y_test = clothing(1000, seed=1)

train_loader = DataLoader(TensorDataset(torch.tensor(x_train), torch.tensor(y_train)), batch_size=32, shuffle=True)
test_loader = DataLoader(TensorDataset(torch.tensor(x_test), torch.tensor(y_test)), batch_size=500)

model = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(128, 128), nn.ReLU(), nn.Dropout(0.3),
    nn.Linear(128, len(CLASSES)),
)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.75)
criterion = nn.CrossEntropyLoss()
epochs = 10

for epoch in range(1, epochs + 1):
    model.train()
    train_loss = 0.0
    for images, labels in train_loader:
        optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        train_loss += loss.item() * len(labels) / len(y_train)
    scheduler.step()
    model.eval()
    val_loss = correct = 0.0
    with torch.no_grad():
        for images, labels in test_loader:
            logits = model(images)
            val_loss += criterion(logits, labels).item() * len(labels) / len(y_test)
            correct += (logits.argmax(1) == labels).sum().item()
    print(f"epoch {epoch} train loss {train_loss:.4f} val loss {val_loss:.4f} val acc {correct / len(y_test):.4f}")
