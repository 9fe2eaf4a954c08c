import numpy as np
import torch
from sklearn.datasets import load_digits

learning_rate = 0.001
epochs = 25
batch_size = 100
display_step = 1

torch.manual_seed(7)
np.random.seed(7)

x_all, y_all = load_digits(return_X_y=True)
order = np.random.permutation(len(x_all))
x_all = x_all[order] / 16 + 0.35 * np.random.randn(len(order), 64)
y_all = np.eye(10)[y_all[order]]
x_train, x_test = torch.Tensor(x_all[:1400]), torch.Tensor(x_all[1400:])
y_train, y_test = torch.Tensor(y_all[:1400]), torch.Tensor(y_all[1400:])

W = torch.randn(64, 10, requires_grad=True)
b = torch.randn(1, 10, requires_grad=True)


def predict(x):
    return torch.softmax(x @ W + b, dim=1)


def cross_entropy(pred, y):
    return -(y * torch.log(pred + 1e-12)).sum(1).mean()


for epoch in range(epochs):
    avg_cost = 0.
    perm = torch.randperm(len(x_train))
    total_batch = len(x_train) // batch_size
    for i in range(total_batch):
        rows = perm[i * batch_size:(i + 1) * batch_size]
        cost = cross_entropy(predict(x_train[rows]), y_train[rows])
        cost.backward()
        with torch.no_grad():
            for variable in (W, b):
                variable -= learning_rate * variable.grad
                variable.grad = None
        avg_cost += cost.item() / total_batch
    if (epoch + 1) % display_step == 0:
        with torch.no_grad():
            pred = predict(x_test)
            val = cross_entropy(pred, y_test).item()
            acc = (pred.argmax(1) == y_test.argmax(1)).float().mean().item()
        print("epoch %02d train loss %.4f val loss %.4f accuracy %.3f" % (epoch + 1, avg_cost, val, acc))
