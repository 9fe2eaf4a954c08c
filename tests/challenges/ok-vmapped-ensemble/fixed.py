"""An ensemble of eight networks trained at once: stacked parameters, functional_call and vmap."""
import copy

import torch
from torch import nn
from torch.func import functional_call, grad_and_value, stack_module_state, vmap

torch.manual_seed(54)
MEMBERS = 8


def wave(n):
    x = 4 * torch.rand(n, 1) - 2
    return x, torch.sin(3 * x) * torch.exp(-x ** 2 / 3) + 0.25 * torch.randn(n, 1)


def member():
    return nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 1))


nets = [member() for _ in range(MEMBERS)]
params, buffers = stack_module_state(nets)
skeleton = copy.deepcopy(nets[0]).to("meta")


def call(p, b, x):
    return functional_call(skeleton, (p, b), (x,))


def mse(p, b, x, y):
    return (call(p, b, x) - y).square().mean()


step = vmap(grad_and_value(mse), in_dims=(0, 0, 0, 0))
x, y = wave(1500)
xv, yv = wave(800)
leaves = [p.requires_grad_() for p in params.values()]
epochs = 24
optimizer = torch.optim.Adam(leaves, lr=5e-3)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(epochs):
    total = 0.0
    for _ in range(30):
        rows = torch.randint(0, len(x), (MEMBERS, 50))          # each member sees its own sample
        gradients, losses = step({k: v.detach() for k, v in params.items()}, buffers, x[rows], y[rows])
        for k, p in params.items():
            p.grad = gradients[k]
        optimizer.step()
        total += losses.mean().item() / 30
    scheduler.step()
    with torch.no_grad():
        guess = vmap(call, in_dims=(0, 0, None))(params, buffers, xv)
        v = (guess.mean(0) - yv).square().mean().item()
    print(f"epoch {epoch + 1} mean train loss {total:.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f} (noise 0.0625)")
