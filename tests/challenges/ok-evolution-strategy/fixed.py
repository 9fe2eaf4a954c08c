import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector, vector_to_parameters
from sklearn.datasets import make_moons

# no backward() at all: the gradient is estimated from the losses of mirrored perturbations

EPOCHS = 25
POP, SIGMA = 30, 0.08
torch.manual_seed(3)

X, y = make_moons(1600, noise=0.35, random_state=3)
X = torch.tensor((X - X.mean(0)) / X.std(0), dtype=torch.float32)
y = torch.tensor(y)
Xv, yv, X, y = X[1000:], y[1000:], X[:1000], y[:1000]

model = nn.Sequential(nn.Linear(2, 12), nn.Tanh(), nn.Linear(12, 2))
for p in model.parameters():
    p.requires_grad_(False)
theta = parameters_to_vector(model.parameters())
optimizer = torch.optim.Adam([theta], lr=0.05)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)


def losses(thetas, x, t):
    """loss of many parameter vectors at once"""
    n = len(thetas)
    w1, b1 = thetas[:, :24].view(n, 12, 2), thetas[:, 24:36].view(n, 1, 12)
    w2, b2 = thetas[:, 36:60].view(n, 2, 12), thetas[:, 60:].view(n, 1, 2)
    h = torch.tanh(x @ w1.mT + b1)
    out = h @ w2.mT + b2
    return F.cross_entropy(out.flatten(0, 1), t.repeat(n), reduction="none").view(n, -1).mean(1)


for epoch in range(EPOCHS):
    seen = []
    for b in torch.randperm(1000).split(100):
        eps = torch.randn(POP, theta.numel())
        up = losses(theta + SIGMA * eps, X[b], y[b])
        down = losses(theta - SIGMA * eps, X[b], y[b])
        theta.grad = ((up - down)[:, None] * eps).mean(0) / (2 * SIGMA)
        optimizer.step()
        seen.append(((up + down) / 2).mean().item())
    scheduler.step()
    vector_to_parameters(theta, model.parameters())
    out = model(Xv)
    print(f"epoch {epoch + 1} train loss {sum(seen) / len(seen):.4f} val loss {F.cross_entropy(out, yv).item():.4f} "
          f"val accuracy {(out.argmax(1) == yv).float().mean().item():.3f}")
