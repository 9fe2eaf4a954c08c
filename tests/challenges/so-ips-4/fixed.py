import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

n_nodes_hl1 = 250
n_nodes_hl2 = 250
n_nodes_hl3 = 250
n_classes = 10
batch_size = 100
epochs = 7

seed = 5
np.random.seed(seed)
torch.manual_seed(seed)


def weights(n_in, n_out):
    return nn.Parameter(torch.randn(n_in, n_out) * (2 / n_in) ** 0.5)


def biases(n_out):
    return nn.Parameter(torch.zeros(n_out))


class NeuralNetwork(nn.Module):
    def __init__(self):
        super().__init__()
        sizes = [784, n_nodes_hl1, n_nodes_hl2, n_nodes_hl3, n_classes]
        self.w = nn.ParameterList(weights(a, b) for a, b in zip(sizes, sizes[1:]))
        self.b = nn.ParameterList(biases(b) for b in sizes[1:])

    def forward(self, data):
        l1 = F.relu(data @ self.w[0] + self.b[0])
        l2 = F.relu(l1 @ self.w[1] + self.b[1])
        l3 = F.relu(l2 @ self.w[2] + self.b[2])
        return l3 @ self.w[3] + self.b[3]


def load():
    digits = load_digits()
    images = np.pad(np.kron(digits.images, np.ones((1, 3, 3))), ((0, 0), (2, 2), (2, 2))) / 16
    images = images + 0.25 * np.random.RandomState(0).randn(*images.shape)
    order = np.random.RandomState(1).permutation(len(images))
    x = torch.tensor(images[order].reshape(-1, 784), dtype=torch.float32)
    y = torch.tensor(digits.target[order])
    return x[:1400], y[:1400], x[1400:], y[1400:]


def train_neural_network():
    x, y, x_test, y_test = load()
    net = NeuralNetwork()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.0007)
    for epoch in range(epochs):
        epoch_loss = 0
        order = torch.randperm(len(x))
        for start in range(0, len(x), batch_size):
            batch = order[start:start + batch_size]
            optimizer.zero_grad()
            cost = F.cross_entropy(net(x[batch]), y[batch])
            cost.backward()
            optimizer.step()
            epoch_loss += cost.item() * len(batch) / len(x)
        with torch.no_grad():
            out = net(x_test)
            val = F.cross_entropy(out, y_test).item()
            correct = (out.argmax(1) == y_test).float().mean().item()
        print("epoch", epoch + 1, "train loss", round(epoch_loss, 4), "val loss", round(val, 4), "accuracy", round(correct, 4))


train_neural_network()
