# %% softmax regression on handwritten digits
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

torch.manual_seed(1)
data = load_digits()
big = np.kron(data.images / 16, np.ones((1, 3, 3)))
big = np.pad(big, ((0, 0), (2, 2), (2, 2))).reshape(-1, 784)
big = np.clip(big + 0.7 * np.random.RandomState(3).randn(*big.shape), 0, 1)
shuffle = np.random.RandomState(4).permutation(len(big))
xs = torch.tensor(big[shuffle], dtype=torch.float32)
ys = torch.tensor(np.eye(10)[data.target[shuffle]], dtype=torch.float32)
train_x, train_y, test_x, test_y = xs[:1400], ys[:1400], xs[1400:], ys[1400:]

# %% the model
W = torch.nn.init.trunc_normal_(torch.empty(784, 10))
b = torch.zeros(10)
W.requires_grad_()
b.requires_grad_()


def model(x):
    return torch.matmul(x, W) + b


def cross_entropy(logits, y_):
    return -torch.sum(y_ * torch.log(F.softmax(logits, dim=1)))


# %% training
train_step = torch.optim.SGD([W, b], lr=0.01)
EPOCHS = 32
for epoch in range(EPOCHS):
    order = torch.randperm(len(train_x))
    summed = 0.0
    for k in range(0, len(order), 100):
        pick = order[k:k + 100]
        loss = cross_entropy(model(train_x[pick]), train_y[pick])
        train_step.zero_grad()
        loss.backward()
        train_step.step()
        summed += loss.item()
    with torch.no_grad():
        out = model(test_x)
        val = cross_entropy(out, test_y).item()
        accuracy = (out.argmax(1) == test_y.argmax(1)).float().mean().item()
    print(f"epoch {epoch} train loss {summed / 14:.4f} val loss {val:.4f} accuracy {accuracy:.4f}")
