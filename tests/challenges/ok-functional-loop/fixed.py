import math
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, grad_and_value

torch.manual_seed(6)
epochs = 20
n_train, batch = 2400, 60


def moons(n):
    t = math.pi * torch.rand(n)
    y = torch.randint(0, 3, (n,))
    x = torch.stack([torch.cos(t) * torch.where(y == 1, -1, 1) + 1.0 * y, torch.sin(t) * torch.where(y == 1, -1, 1) + 0.4 * (y == 1)], 1)
    return x - torch.tensor([1.0, 0.4]) + 0.15 * torch.randn(n, 2), y


x, y = moons(n_train)
x_val, y_val = moons(1000)
net = nn.Sequential(nn.Linear(2, 40), nn.GELU(), nn.Linear(40, 40), nn.GELU(), nn.Linear(40, 3))

# the parameters live in a dictionary of their own; the module is only the recipe
params = {k: v.detach().clone() for k, v in net.named_parameters()}
velocity = {k: torch.zeros_like(v) for k, v in params.items()}


def objective(params, xb, yb):
    return F.cross_entropy(functional_call(net, params, (xb,)), yb)


slope = grad_and_value(objective)


def rate(step, total=epochs * (n_train // batch), top=0.15):
    return top * min(1.0, (step + 1) / 40) * 0.5 * (1 + math.cos(math.pi * step / total))


step = 0
for epoch in range(epochs):
    losses = []
    for idx in torch.randperm(n_train).view(-1, batch):
        g, value = slope(params, x[idx], y[idx])
        lr = rate(step)
        for k in params:
            velocity[k] = 0.9 * velocity[k] + g[k] + 1e-4 * params[k]
            params[k] = params[k] - lr * velocity[k]
        losses.append(value.item())
        step += 1
    with torch.no_grad():
        out = functional_call(net, params, (x_val,))
        val = F.cross_entropy(out, y_val).item()
    print(f"epoch {epoch + 1} train loss {sum(losses) / len(losses):.4f} val loss {val:.4f} "
          f"val accuracy {(out.argmax(1) == y_val).float().mean().item():.4f}")
