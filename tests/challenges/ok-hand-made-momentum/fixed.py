import numpy as np
import torch
from sklearn.datasets import load_diabetes

rng = np.random.default_rng(seed=2)
torch.manual_seed(2)
X, y = load_diabetes(return_X_y=True)
order = rng.permutation(len(y))
X = torch.tensor(X[order] / X.std(0), dtype=torch.float32)
y = torch.tensor((y[order] - y.mean()) / y.std(), dtype=torch.float32)
X_train, X_val, y_train, y_val = X[:290], X[290:], y[:290], y[290:]

params = {
    "W1": 0.3 * torch.randn(10, 16),
    "b1": torch.zeros(16),
    "W2": 0.2 * torch.randn(16, 1),
    "b2": torch.zeros(1),
}
for p in params.values():
    p.requires_grad_(True)
velocity = {name: torch.zeros_like(p) for name, p in params.items()}


def predict(X):
    h = torch.tanh(X @ params["W1"] + params["b1"])
    return (h @ params["W2"] + params["b2"])[:, 0]


best_loss, best = float("inf"), None
epochs = 80
for epoch in range(epochs):
    rate = 0.05 * (1 - epoch / epochs)
    for i in range(0, 290, 58):
        loss = ((predict(X_train[i:i + 58]) - y_train[i:i + 58]) ** 2).mean()
        loss = loss + 0.03 * sum((params[w] ** 2).sum() for w in ("W1", "W2"))
        loss.backward()
        with torch.no_grad():
            for name, p in params.items():
                velocity[name].mul_(0.8).add_(p.grad)
                p -= rate * velocity[name]
                p.grad = None
    with torch.no_grad():
        val_loss = ((predict(X_val) - y_val) ** 2).mean().item()
    if val_loss < best_loss:
        best_loss, best = val_loss, {name: p.detach().clone() for name, p in params.items()}
    print("epoch", epoch + 1, "penalised loss", round(loss.item(), 4), "val loss", round(val_loss, 4))
with torch.no_grad():
    for name in params:
        params[name].copy_(best[name])
    print(f"final: R2 {1 - ((predict(X_val) - y_val) ** 2).mean().item() / y_val.var().item():.3f}")
