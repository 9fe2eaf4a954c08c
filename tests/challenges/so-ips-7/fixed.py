import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

# one hidden layer, weights by hand
torch.manual_seed(11)
rng = np.random.default_rng(1)
bunch = load_digits()
images = np.pad(np.kron(bunch.images / 16, np.ones((1, 3, 3))), ((0, 0), (2, 2), (2, 2)))
images = np.clip(images + 0.5 * rng.standard_normal(images.shape), 0, 1).reshape(-1, 784)
perm = rng.permutation(len(images))
X = torch.tensor(images[perm], dtype=torch.float32)
Y = F.one_hot(torch.tensor(bunch.target[perm]), 10).float()
x_train, y_train, x_test, y_test = X[:1400], Y[:1400], X[1400:], Y[1400:]

W_h1 = (torch.randn(784, 256) / 784 ** 0.5).requires_grad_()
W_out = (torch.randn(256, 10) / 256 ** 0.5).requires_grad_()


def forward(x):
    h1 = torch.sigmoid(x @ W_h1)
    return h1 @ W_out


def cost(y_, y):
    return F.binary_cross_entropy_with_logits(y_, y, reduction="none").sum(1).mean()


opt = torch.optim.SGD([W_h1, W_out], lr=0.05)
epochs = 50
for epoch in range(epochs):
    losses = []
    for rows in torch.randperm(1400).split(25):
        loss = cost(forward(x_train[rows]), y_train[rows])
        opt.zero_grad()
        loss.backward()
        opt.step()
        losses.append(loss.item())
    with torch.no_grad():
        y_ = forward(x_test)
        acc = (y_.argmax(1) == y_test.argmax(1)).float().mean().item()
        print("epoch %d, train loss %.4f, val loss %.4f, accuracy %.3f" % (epoch, np.mean(losses), cost(y_, y_test).item(), acc))
