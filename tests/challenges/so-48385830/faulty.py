import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(1)
rng = np.random.default_rng(1)

# 8 x 8 digits with grain, scaled to 0..1
digits = load_digits()
images = np.clip(digits.images.reshape(-1, 64) / 16 + rng.normal(0, 0.4, (len(digits.target), 64)), 0, 1)
mix = rng.permutation(len(images))
images = torch.tensor(images[mix], dtype=torch.float32)
labels = torch.tensor(digits.target[mix])
x_train, y_train, x_test, y_test = images[:1400], labels[:1400], images[1400:], labels[1400:]

batch_size = 10
epochs = 30

model = nn.Sequential(
    nn.Linear(64, 30),
    nn.Linear(30, 10),
)
for p in model.parameters():
    nn.init.normal_(p, std=1.0)

optimizer = torch.optim.SGD(model.parameters(), lr=3.0)


def cost(out, y):
    return F.mse_loss(out, F.one_hot(y, 10).float())


for epoch in range(epochs):
    order = torch.randperm(len(x_train))
    total = 0.0
    for i in range(0, len(order), batch_size):
        idx = order[i:i + batch_size]
        loss = cost(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx)
    with torch.no_grad():
        out = model(x_test)
    right = (out.argmax(1) == y_test).sum().item()
    print(f"epoch {epoch + 1}: train loss {total / len(order):.5f}, val loss {cost(out, y_test).item():.5f}, {right} / {len(y_test)}")
