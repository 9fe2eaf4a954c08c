# coding: utf-8
# # Which of the seven machines made the part?
# Four measurements per part, machine numbers from 0 to 6.

# In[1]:
import numpy as np
import torch
from torch import nn

seed = 4
rng = np.random.default_rng(100 + seed)
torch.manual_seed(seed)

# In[2]:
N = 2100
machine = rng.integers(0, 7, N)
centres = np.random.default_rng(77).normal(0, 1.5, (7, 4))
parts = centres[machine] + rng.normal(0, 0.75, (N, 4))
parts = (parts - parts.mean(0)) / parts.std(0)
X = torch.tensor(parts, dtype=torch.float32)
y = torch.tensor(machine)
X_train, X_test, y_train, y_test = X[:1600], X[1600:], y[:1600], y[1600:]

# In[3]:
model = nn.Sequential(nn.Linear(4, 20), nn.ReLU(), nn.Linear(20, 20), nn.ReLU(), nn.Linear(20, 1))
loss_fn = lambda out, target: nn.functional.mse_loss(out[:, 0], target.float())
to_machine = lambda out: out[:, 0].round().long()
optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=2e-3)

# In[4]:
epochs = 25
for epoch in range(epochs):
    perm = torch.randperm(len(X_train))
    seen = 0.0
    for i in range(0, len(perm), 32):
        rows = perm[i:i + 32]
        optimizer.zero_grad()
        loss = loss_fn(model(X_train[rows]), y_train[rows])
        loss.backward()
        optimizer.step()
        seen += float(loss) * len(rows)
    with torch.no_grad():
        out = model(X_test)
        test = loss_fn(out, y_test).item()
        hits = (to_machine(out) == y_test).float().mean().item()
    print(f"epoch {epoch + 1} train loss {seen / len(perm):.4f} val loss {test:.4f} accuracy {hits:.3f}")
