"""MAML: parameters from which one gradient step on ten readings fits the tide of a harbour never seen before."""
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call

torch.manual_seed(27)
INNER = 0.1


def harbours(n, shots=10):
    amp = torch.rand(n, 1, 1) * 1.5 + 0.5
    phase = torch.rand(n, 1, 1) * 3.1416
    t = torch.rand(n, 2 * shots, 1) * 6 - 3
    y = amp * torch.sin(t + phase) + 0.3 * torch.randn(n, 2 * shots, 1)
    return t[:, :shots], y[:, :shots], t[:, shots:], y[:, shots:]


net = nn.Sequential(nn.Linear(1, 40), nn.Tanh(), nn.Linear(40, 40), nn.Tanh(), nn.Linear(40, 1))


def one_task(params, sx, sy, qx, qy):
    # torch.func for the whole batch of tasks
    def support(p):
        return F.mse_loss(functional_call(net, p, (sx,)), sy)
    for _ in range(2):
        g = torch.func.grad(support)(params)
        params = {k: params[k] - INNER * g[k] for k in params}
    return F.mse_loss(functional_call(net, params, (qx,)), qy)


batch_loss = torch.func.vmap(one_task, in_dims=(None, 0, 0, 0, 0))
opt = torch.optim.Adam(net.parameters(), lr=3e-3)
EPOCHS = 15
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS, eta_min=1e-4)
val = harbours(500)
for epoch in range(EPOCHS):
    total = 0.0
    for _ in range(40):
        loss = batch_loss(dict(net.named_parameters()), *harbours(32)).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 40
    sched.step()
    v = batch_loss({k: p.detach() for k, p in net.named_parameters()}, *val).mean().item()
    with torch.no_grad():
        plain = F.mse_loss(net(val[2]), val[3]).item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {v:.4f} without adapting {plain:.4f}")
