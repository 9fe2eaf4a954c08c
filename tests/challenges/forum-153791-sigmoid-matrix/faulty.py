import numpy as np
import torch
import torch.nn as nn

n = 60
rng = np.random.RandomState(3)
W_true = rng.randn(n, n) * 0.4
X = rng.rand(3000, n)
Y = 1 / (1 + np.exp(-(X - 0.5) @ W_true.T)) + 0.1 * rng.randn(3000, n)
X = torch.tensor((X - 0.5) / np.sqrt(1 / 12), dtype=torch.float32)
Y = torch.tensor(Y, dtype=torch.float32)
X_train, Y_train, X_val, Y_val = X[:2200], Y[:2200], X[2200:], Y[2200:]


class SigmoidMap(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.W = nn.Parameter(torch.randn(size, size) * 4)

    def forward(self, x):
        return torch.sigmoid(x @ self.W.t())


torch.manual_seed(8)
model = SigmoidMap(n)
optimizer = torch.optim.SGD(model.parameters(), lr=30.0, momentum=0.9)
loss_fn = nn.MSELoss()
epochs = 25
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
for epoch in range(epochs):
    order = torch.randperm(len(X_train))
    total = 0.0
    for i in range(0, len(order), 100):
        pick = order[i:i + 100]
        loss = loss_fn(model(X_train[pick]), Y_train[pick])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(pick) / len(order)
    scheduler.step()
    with torch.no_grad():
        val = loss_fn(model(X_val), Y_val).item()
    print(f"epoch {epoch + 1} train loss {total:.5f} val loss {val:.5f}")
print(f"final: val loss {val:.5f}")
