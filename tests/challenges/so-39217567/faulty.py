import numpy as np
import torch
from torch import nn
import random

random.seed(5)
torch.manual_seed(5)

# every word of ten bits and its reflected (Gray) code; a few bits are read wrongly
dim = 10
X = [[float(b) for b in format(i, f"0{dim}b")] for i in range(2 ** dim)]
Y = [[float(b) for b in format(i ^ (i >> 1), f"0{dim}b")] for i in range(2 ** dim)]
Y = [[1 - b if random.random() < 0.03 else b for b in word] for word in Y]
pairs = list(zip(X, Y))
random.shuffle(pairs)
X, Y = (torch.tensor(part) for part in zip(*pairs))
x_train, y_train, x_val, y_val = X[:768], Y[:768], X[768:], Y[768:]

# create model
HIDDEN = 48
model = nn.Sequential(
    nn.Linear(dim, HIDDEN), nn.Sigmoid(),
    nn.Linear(HIDDEN, HIDDEN), nn.Sigmoid(),
    nn.Linear(HIDDEN, HIDDEN), nn.Sigmoid(),
    nn.Linear(HIDDEN, dim), nn.Sigmoid(),
)
for layer in model[::2]:
    nn.init.normal_(layer.weight, std=0.05)
    nn.init.zeros_(layer.bias)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
mse = nn.MSELoss()

epochs = 50
schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, epochs)
for epoch in range(epochs):
    order = torch.randperm(len(x_train))
    losses = []
    for start in range(0, len(order), 16):
        idx = order[start:start + 16]
        loss = mse(model(x_train[idx]), y_train[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    schedule.step()
    with torch.no_grad():
        output = model(x_val)
        val = mse(output, y_val).item()
        bits = ((output >= 0.5).float() == y_val).float().mean().item()
    print("epoch %d train loss %.4f val loss %.4f bits %.2f%%" % (epoch + 1, np.mean(losses), val, 100 * bits))
