""" Neural network with two hidden layers on scanned digits, weights kept in dictionaries. """
import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

# parameters
learning_rate = 0.001
epochs = 24
batch_size = 128
n_hidden_1 = 128
n_hidden_2 = 128
num_input = 64
num_classes = 10

torch.manual_seed(9)


def scans():
    """Digits, half of them white on black, the other half black on white."""
    rng = np.random.default_rng(9)
    images, labels = load_digits(return_X_y=True)
    images, labels = np.tile(images, (2, 1)), np.tile(labels, 2)
    images = images / 8 - 1
    images[len(images) // 2:] *= -1
    images = images + 0.45 * rng.standard_normal(images.shape)
    order = rng.permutation(len(images))
    return torch.tensor(images[order], dtype=torch.float32), torch.tensor(labels[order])


X, Y = scans()
train_X, train_Y, test_X, test_Y = X[:2800], Y[:2800], X[2800:], Y[2800:]

weights = {
    "h1": torch.randn(num_input, n_hidden_1) * (2 / num_input) ** 0.5,
    "h2": torch.randn(n_hidden_1, n_hidden_2) * (2 / n_hidden_1) ** 0.5,
    "out": torch.randn(n_hidden_2, num_classes) * (1 / n_hidden_2) ** 0.5,
}
biases = {
    "b1": torch.zeros(n_hidden_1),
    "b2": torch.zeros(n_hidden_2),
    "out": torch.zeros(num_classes),
}
variables = [v.requires_grad_() for v in [*weights.values(), *biases.values()]]


def neural_net(x):
    layer_1 = F.relu(x @ weights["h1"] + biases["b1"])
    layer_2 = F.relu(layer_1 @ weights["h2"] + biases["b2"])
    return layer_2 @ weights["out"] + biases["out"]


optimizer = torch.optim.Adam(variables, lr=learning_rate, weight_decay=1e-3)
for epoch in range(1, epochs + 1):
    mean_loss = 0.0
    perm = torch.randperm(len(train_X))
    for i in range(0, len(perm), batch_size):
        rows = perm[i:i + batch_size]
        loss = F.cross_entropy(neural_net(train_X[rows]), train_Y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        mean_loss += loss.item() * len(rows) / len(perm)
    with torch.no_grad():
        logits = neural_net(test_X)
        val_loss = F.cross_entropy(logits, test_Y)
        accuracy = (logits.argmax(1) == test_Y).float().mean()
    print(f"epoch {epoch}: train loss {mean_loss:.4f}, val loss {val_loss:.4f}, accuracy {accuracy:.3f}")
