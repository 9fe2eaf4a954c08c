"""Digits by the book: one hidden layer of 30 sigmoid units, quadratic cost (Brier score), mini-batches of 10, rate 3."""
import math

import numpy as np
import torch
from sklearn.datasets import load_digits


class Network:
    def __init__(self, sizes):
        self.weights = [(torch.randn(n, m) / math.sqrt(m)).requires_grad_() for m, n in zip(sizes[:-1], sizes[1:])]
        self.biases = [torch.randn(n).requires_grad_() for n in sizes[1:]]

    def feedforward(self, a):
        for w, b in zip(self.weights, self.biases):
            a = torch.sigmoid(a @ w.T + b)
        return a

    def cost(self, x, y):
        return ((self.feedforward(x) - torch.eye(10)[y]) ** 2).sum(dim=1).mean() / 2

    def evaluate(self, x, y):
        with torch.no_grad():
            return (self.feedforward(x).argmax(dim=1) == y).float().mean().item()

    def SGD(self, train, val, epochs, batch, eta):
        x, y = train
        for epoch in range(epochs):
            eta_now = eta / (1 + epoch / 8)
            total = 0.0
            for k in torch.randperm(len(x)).split(batch):
                cost = self.cost(x[k], y[k])
                grads = torch.autograd.grad(cost, self.weights + self.biases)
                with torch.no_grad():
                    for p, g in zip(self.weights + self.biases, grads):
                        p -= eta_now * g
                total += cost.item() * len(k)
            with torch.no_grad():
                val_cost = self.cost(*val).item()
            print(f"epoch {epoch + 1} train loss {total / len(x):.4f} val loss {val_cost:.4f} accuracy {self.evaluate(*val):.4f}")


torch.manual_seed(4)
rng = np.random.RandomState(4)
digits = load_digits()
pixels = digits.data / 16 + rng.normal(0, 0.25, digits.data.shape)
order = rng.permutation(len(pixels))
x = torch.tensor(pixels[order], dtype=torch.float32)
y = torch.tensor(digits.target[order])

net = Network([64, 30, 10])
net.SGD((x[:1300], y[:1300]), (x[1300:], y[1300:]), epochs=20, batch=10, eta=3.0)
