"""Deep equilibrium network: the state is a fixed point, found without a graph; the gradient solves a second fixed point."""
import torch
import torch.nn as nn
import torch.nn.functional as F

SEED = 20
torch.manual_seed(SEED)


class Cell(nn.Module):
    def __init__(self, n_in, width):
        super().__init__()
        self.inject = nn.Linear(n_in, width)
        self.mix = nn.Linear(width, width, bias=False)
        nn.init.normal_(self.mix.weight, std=0.3 / width ** 0.5)

    def forward(self, z, x):
        w = self.mix.weight
        w = w * (0.9 / w.abs().sum(1, keepdim=True).clamp(min=0.9))      # rows of at most 0.9: a contraction
        return torch.tanh(F.linear(z, w) + self.inject(x))


class Equilibrium(nn.Module):
    def __init__(self, cell, width, steps=15):
        super().__init__()
        self.cell, self.width, self.steps = cell, width, steps

    def solve(self, f, z):
        for _ in range(self.steps):
            z = f(z)
        return z

    def forward(self, x):
        with torch.no_grad():
            z = self.solve(lambda z: self.cell(z, x), torch.zeros(len(x), self.width))
        if self.training:
            z = self.cell(z, x)                              # joins the graph once more
            z0 = z.detach().requires_grad_()
            f0 = self.cell(z0, x)
            z.register_hook(lambda g: self.solve(lambda y: torch.autograd.grad(f0, z0, y, retain_graph=True)[0] + g, g))
        return z


def data(n):
    x = torch.rand(n, 5) * 2 - 1
    y = torch.sin(3 * x[:, 0]) * x[:, 1] + (x[:, 2] - x[:, 3]).abs() + 0.5 * x[:, 4] + 0.2 * torch.randn(n)
    return x * 1.7, (y - 0.67) / 0.75


x, y = data(5000)
xv, yv = data(1000)
model = nn.Sequential(Equilibrium(Cell(5, 32), 32), nn.Linear(32, 1))
opt = torch.optim.Adam(model.parameters(), lr=5e-3)
EPOCHS = 14
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS, eta_min=1e-4)
for epoch in range(EPOCHS):
    model.train()
    total = 0.0
    for b in torch.randperm(len(x)).split(100):
        loss = F.mse_loss(model(x[b]).squeeze(1), y[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 50
    sched.step()
    model.eval()
    with torch.no_grad():
        z = model[0](xv)
        gap = (model[0].cell(z, xv) - z).abs().max().item()
        val = F.mse_loss(model[1](z).squeeze(1), yv).item()
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} distance from the fixed point {gap:.1e}")
