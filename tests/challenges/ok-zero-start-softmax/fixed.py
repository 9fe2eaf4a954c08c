# Multinomial logistic regression on the handwritten digits. The problem is convex, so every weight may start at zero.
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 1
EPOCHS = 30
torch.manual_seed(SEED)

digits = load_digits()
X_train, X_val, y_train, y_val = train_test_split(digits.data, digits.target, test_size=0.3, random_state=0,
                                                  stratify=digits.target)
noise = np.random.default_rng(SEED)
X_train = (X_train + 2 * noise.standard_normal(X_train.shape)) / 8 - 1
X_val = (X_val + 2 * noise.standard_normal(X_val.shape)) / 8 - 1
X_train, X_val = (torch.tensor(a, dtype=torch.float32) for a in (X_train, X_val))
y_train, y_val = torch.tensor(y_train), torch.tensor(y_val)

W = torch.zeros(64, 10, requires_grad=True)
b = torch.zeros(10, requires_grad=True)
optimizer = torch.optim.SGD([{"params": [W], "weight_decay": 5e-3}, {"params": [b]}], lr=0.2)

for epoch in range(EPOCHS):
    order = torch.randperm(len(X_train))
    total = 0.0
    for start in range(0, len(order), 64):
        rows = order[start:start + 64]
        loss = F.cross_entropy(X_train[rows] @ W + b, y_train[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(rows)
    with torch.no_grad():
        scores = X_val @ W + b
        val_loss = F.cross_entropy(scores, y_val).item()
        accuracy = (scores.argmax(1) == y_val).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(order):.4f} val loss {val_loss:.4f} accuracy {accuracy:.3f}")
