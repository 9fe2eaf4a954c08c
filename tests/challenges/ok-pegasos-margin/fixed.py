# Pegasos: a linear support vector machine by stochastic subgradients, rate 1 / (lambda t), from zero weights
import numpy as np
import torch
from sklearn.datasets import load_breast_cancer

torch.manual_seed(2)
x, y = load_breast_cancer(return_X_y=True)
x = (x - x.mean(0)) / x.std(0)
rng = np.random.default_rng(2)
x = x + 1.2 * rng.standard_normal(x.shape)
order = rng.permutation(len(y))
x = torch.tensor(np.c_[x, np.ones(len(y))][order], dtype=torch.float32)
y = torch.tensor(2.0 * y[order] - 1, dtype=torch.float32)
x_train, y_train, x_test, y_test = x[:380], y[:380], x[380:], y[380:]

lam = 0.02
w = torch.zeros(x.shape[1], requires_grad=True)
optimizer = torch.optim.SGD([w], lr=1.0)
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: 1 / (lam * (t + 1)))


def objective(x, y, w):
    return torch.relu(1 - y * (x @ w)).mean() + lam / 2 * w.square().sum()


epochs = 30
for epoch in range(1, epochs + 1):
    running = 0.0
    for rows in torch.randperm(len(x_train)).split(10):
        loss = objective(x_train[rows], y_train[rows], w)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item() * len(rows) / len(x_train)
    with torch.no_grad():
        val = objective(x_test, y_test, w).item()
        accuracy = ((x_test @ w > 0) == (y_test > 0)).float().mean().item()
    print(f"epoch {epoch} train loss {running:.4f} val loss {val:.4f} accuracy {accuracy:.3f}")
