import torch
import torch.nn as nn
from sklearn.datasets import make_friedman1

# One implicit layer: z = tanh(W z + U x + b), iterated to its fixed point without a graph, then one step with it.


class Equilibrium(nn.Module):
    def __init__(self, n_in, width, steps=15):
        super().__init__()
        self.inject = nn.Linear(n_in, width)
        self.inner = nn.Linear(width, width, bias=False)
        self.steps = steps
        with torch.no_grad():
            self.inner.weight.mul_(0.5)

    def cell(self, z, u):
        return torch.tanh(self.inner(z) + u)

    def forward(self, x):
        u = self.inject(x)
        z = torch.zeros_like(u)
        with torch.no_grad():
            for _ in range(self.steps):
                z = self.cell(z, u)
        return self.cell(z, u)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.eq = Equilibrium(10, 40)
        self.out = nn.Linear(40, 1)

    def forward(self, x):
        return self.out(self.eq(x)).squeeze(-1)


def main(epochs=40, seed=5):
    torch.manual_seed(seed)
    X, y = make_friedman1(n_samples=2600, n_features=10, noise=2.0, random_state=seed)
    X = torch.tensor(X * 2 - 1, dtype=torch.float32)
    y = torch.tensor((y - y[:2000].mean()) / y[:2000].std(), dtype=torch.float32)
    model = Model()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.1)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
    mse = nn.MSELoss()
    for epoch in range(epochs):
        run = 0.0
        for b in torch.randperm(2000).split(50):
            opt.zero_grad()
            loss = mse(model(X[b]), y[b])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            opt.step()
            run += loss.item() / 40
        sched.step()
        with torch.no_grad():
            p = model(X[2000:])
            val = mse(p, y[2000:]).item()
        print(f"epoch {epoch + 1} train loss {run:.4f} val loss {val:.4f} r2 {1 - val / y[2000:].var().item():.3f}")


main()
