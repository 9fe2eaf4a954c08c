import sys

import numpy as np
import torch
from torch import nn

WEIGHTS = [2.0, 1.0, 0.5]
OFFSET = 2.2
EPOCHS = 20

torch.manual_seed(4)
rng = np.random.RandomState(8)


def get_data(count, bound, noise=0.0):
    x = rng.rand(count, len(WEIGHTS)) * bound
    y = x @ np.array(WEIGHTS) + OFFSET + noise * bound * rng.randn(count)
    return x.astype("float32"), y.astype("float32").reshape(-1, 1)


def build(inputs):
    return nn.Sequential(
        nn.Linear(inputs, 3), nn.Tanh(), nn.Dropout(0.5),
        nn.Linear(3, 2), nn.Tanh(), nn.Dropout(0.5),
        nn.Linear(2, 1), nn.Softmax(dim=1),
    )


def main():
    x_train, y_train = get_data(6000, 10000, noise=0.25)
    x_test, y_test = get_data(1500, 10000, noise=0.25)
    x_train, y_train, x_test, y_test = map(torch.from_numpy, (x_train, y_train, x_test, y_test))
    model = build(len(WEIGHTS))
    sgd = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)
    mse = nn.MSELoss()

    for epoch in range(EPOCHS):
        model.train()
        order = torch.randperm(len(x_train))
        total = 0.0
        for i in range(0, len(order), 256):
            rows = order[i:i + 256]
            loss = mse(model(x_train[rows]), y_train[rows])
            sgd.zero_grad()
            loss.backward()
            sgd.step()
            total += loss.item() * len(rows)
        model.eval()
        with torch.no_grad():
            out = model(x_test)
            val = mse(out, y_test).item()
            r2 = 1 - val / y_test.var().item()
        print(f"epoch {epoch + 1} train loss {total / len(order):.5g} val loss {val:.5g} r2 {r2:.3f}")

    for row in range(3):
        print(x_test[row].tolist(), "-->", round(model(x_test[row:row + 1]).item(), 3), "true", round(y_test[row].item(), 3))


if __name__ == "__main__":
    sys.exit(main())
