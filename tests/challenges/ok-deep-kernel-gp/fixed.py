"""Deep kernel learning: a small network feeds a Gaussian process, trained on the whole set by its marginal likelihood."""
import math

import torch
from torch import nn

torch.manual_seed(31)


def borehole(n):
    x = torch.rand(n, 3) * 2 - 1
    f = torch.sin(3 * x[:, 0] * x[:, 1]) + torch.where(x[:, 2] > 0.1, 0.8, -0.5) * x[:, 0] + 0.4 * x[:, 2]
    return x, f + 0.25 * torch.randn(n)


class DeepKernelGP(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Linear(3, 24), nn.Tanh(), nn.Linear(24, 24), nn.Tanh(), nn.Linear(24, 2))
        self.log_length = nn.Parameter(torch.zeros(2))
        self.log_scale = nn.Parameter(torch.zeros(()))
        self.log_noise = nn.Parameter(torch.tensor(-1.0))

    def kernel(self, a, b):
        a, b = self.features(a) / self.log_length.exp(), self.features(b) / self.log_length.exp()
        return (2 * self.log_scale).exp() * torch.exp(-0.5 * (a[:, None] - b[None]).pow(2).sum(-1))

    def factor(self, x):
        noise = (2 * self.log_noise).exp() + 1e-4
        return torch.linalg.cholesky(self.kernel(x, x) + noise * torch.eye(len(x))), noise

    def marginal_nll(self, x, y):
        chol, _ = self.factor(x)
        alpha = torch.cholesky_solve(y[:, None], chol)[:, 0]
        return (0.5 * y @ alpha + chol.diagonal().log().sum()) / len(y) + 0.5 * math.log(2 * math.pi)

    def predict(self, x, y, new):
        chol, noise = self.factor(x)
        cross = self.kernel(x, new)
        mean = cross.T @ torch.cholesky_solve(y[:, None], chol)[:, 0]
        v = torch.linalg.solve_triangular(chol, cross, upper=False)
        var = (2 * self.log_scale).exp() - v.pow(2).sum(0)
        return mean, var.clamp_min(1e-6) + noise


x, y = borehole(320)
val_x, val_y = borehole(300)
shift, spread = y.mean(), y.std()
y, val_y = (y - shift) / spread, (val_y - shift) / spread

gp = DeepKernelGP()
optimizer = torch.optim.Adam([
    {"params": gp.features.parameters(), "lr": 1e-2, "weight_decay": 1e-2},
    {"params": [gp.log_length, gp.log_scale, gp.log_noise], "lr": 2e-2},
])
epochs = 220
schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [int(0.6 * epochs), int(0.85 * epochs)], gamma=0.3)
for epoch in range(1, epochs + 1):
    loss = gp.marginal_nll(x, y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    schedule.step()
    with torch.no_grad():
        mean, var = gp.predict(x, y, val_x)
        val_loss = nn.functional.gaussian_nll_loss(mean, val_y, var, full=True)
        rmse = (mean - val_y).pow(2).mean().sqrt()
    print(f"epoch {epoch} train loss {loss.item():.4f} val loss {val_loss:.4f} rmse {rmse:.3f}")
