"""Hamiltonian network: one energy is learnt, its derivatives are compared with noisy measured velocities."""
import torch
import torch.nn as nn

torch.manual_seed(13)
torch.set_num_threads(1)


def measured(n):
    q = torch.rand(n, 1) * 4 - 2
    p = torch.rand(n, 1) * 3 - 1.5
    dq = p + 0.15 * p ** 3
    dp = -(q ** 3 - q)                               # double well
    noise = 0.1 * torch.randn(n, 2)
    return torch.cat([q, p], 1), torch.cat([dq, dp], 1) + noise


class Hamiltonian(nn.Module):
    def __init__(self, width=48):
        super().__init__()
        self.energy = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 1, bias=False))

    def forward(self, state):
        with torch.enable_grad():
            state = state.detach().requires_grad_(True)
            h = self.energy(state).sum()
            g, = torch.autograd.grad(h, state, create_graph=True)
        return torch.stack([g[:, 1], -g[:, 0]], 1)


x, v = measured(3000)
x_val, v_val = measured(600)
model = Hamiltonian()
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
epochs = 24
sched = torch.optim.lr_scheduler.OneCycleLR(opt, 1e-2, total_steps=epochs * 30, pct_start=0.2)
scale = v.var(0).mean()
for epoch in range(epochs):
    train = 0.0
    for b in torch.randperm(3000).split(100):
        loss = (model(x[b]) - v[b]).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        opt.step()
        sched.step()
        train += loss.item() / 30
    val = (model(x_val) - v_val).pow(2).mean().item()
    print(f"epoch {epoch + 1} train loss {train:.5f} val loss {val:.5f} share of variance {val / scale:.4f}")
