import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

torch.manual_seed(3)
epochs = 25
batch_size = 64


def weight_variable(shape):
    """a weight variable of the given shape"""
    fan_in = int(np.prod(shape[1:]))
    initial = torch.randn(shape) / fan_in ** 0.5
    return initial.requires_grad_()


def bias_variable(shape):
    initial = torch.zeros(shape)
    return initial.requires_grad_()


digits = load_digits()
images = (digits.images / 16.0 - 0.3).astype("float32")[:, None]
rng = np.random.RandomState(3)
images = images + rng.normal(0, 0.08, images.shape).astype("float32")
X_train, X_valid, y_train, y_valid = (torch.tensor(a) for a in train_test_split(
    images, digits.target, test_size=0.25, random_state=0, stratify=digits.target))

W_conv1, b_conv1 = weight_variable((16, 1, 3, 3)), bias_variable((16,))
W_conv2, b_conv2 = weight_variable((16, 16, 3, 3)), bias_variable((16,))
W_fc1, b_fc1 = weight_variable((48, 16 * 4 * 4)), bias_variable((48,))
W_fc2, b_fc2 = weight_variable((10, 48)), bias_variable((10,))
variables = [W_conv1, b_conv1, W_conv2, b_conv2, W_fc1, b_fc1, W_fc2, b_fc2]


def network(x, keep_prob=1.0):
    h = torch.tanh(F.conv2d(x, W_conv1, b_conv1, padding=1))
    h = torch.tanh(F.conv2d(h, W_conv2, b_conv2, padding=1, stride=2))
    h = torch.tanh(F.linear(h.flatten(1), W_fc1, b_fc1))
    h = F.dropout(h, 1 - keep_prob, training=keep_prob < 1)
    return F.linear(h, W_fc2, b_fc2)


optimizer = torch.optim.Adam(variables, lr=0.004)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    order = torch.randperm(len(X_train))
    losses = []
    for start in range(0, len(order), batch_size):
        batch = order[start:start + batch_size]
        loss = F.cross_entropy(network(X_train[batch], keep_prob=0.65), y_train[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    scheduler.step()
    with torch.no_grad():
        logits = network(X_valid)
        val_loss = F.cross_entropy(logits, y_valid).item()
        accuracy = (logits.argmax(1) == y_valid).float().mean().item()
    print(f"epoch {epoch}: loss {np.mean(losses):.4f} val loss {val_loss:.4f} accuracy {accuracy:.4f}")
print(f"final: accuracy {accuracy:.4f}")
