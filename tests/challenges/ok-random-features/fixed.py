import numpy as np
import torch
import torch.nn as nn

torch.manual_seed(19)
rng = np.random.default_rng(19)

# clay content of soil from two coordinates and a depth, kriging-like with random Fourier features
X = rng.uniform(-1, 1, (2500, 3))
y = np.sin(3 * X[:, 0]) * np.cos(2 * X[:, 1]) + 0.5 * X[:, 2] + 0.3 * rng.normal(size=2500)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)


class RandomFeatures(nn.Module):
    def __init__(self, count=300, scale=1.8):
        super().__init__()
        self.register_buffer("frequency", scale * torch.randn(3, count))
        self.register_buffer("phase", 2 * torch.pi * torch.rand(count))
        self.readout = nn.Linear(count, 1)
        nn.init.zeros_(self.readout.weight)

    def forward(self, x):
        return self.readout(torch.cos(x @ self.frequency + self.phase) * (2 / 300) ** 0.5)[:, 0]


model = RandomFeatures()
sgd = torch.optim.SGD(model.parameters(), lr=0.8)
epochs = 30
for epoch in range(epochs):
    running = 0.0
    for b in torch.randperm(2000).split(40):
        loss = 0.5 * (model(X[b]) - y[b]).pow(2).mean()
        sgd.zero_grad()
        loss.backward()
        sgd.step()
        running += loss.item() / 50
    with torch.no_grad():
        val = 0.5 * (model(X[2000:]) - y[2000:]).pow(2).mean().item()
    print(f"epoch {epoch} train loss {running:.4f} val loss {val:.4f}")
