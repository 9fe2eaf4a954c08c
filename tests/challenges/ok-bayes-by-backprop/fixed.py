import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(2)


class BayesLinear(nn.Module):
    """Linear layer whose weights are drawn anew in every training pass."""

    def __init__(self, n_in, n_out, prior=1.0):
        super().__init__()
        self.mu = nn.Parameter(torch.randn(n_out, n_in) / math.sqrt(n_in))
        self.rho = nn.Parameter(torch.full((n_out, n_in), -4.0))
        self.bias = nn.Parameter(torch.zeros(n_out))
        self.prior = prior

    def forward(self, x):
        sigma = F.softplus(self.rho)
        mean = F.linear(x, self.mu, self.bias)
        if not self.training:
            return mean
        var = F.linear(x ** 2, sigma ** 2)
        return mean + var.clamp(min=1e-10).sqrt() * torch.randn_like(mean)

    def kl(self):
        sigma = F.softplus(self.rho)
        return (math.log(self.prior) - sigma.log() + (sigma ** 2 + self.mu ** 2) / (2 * self.prior ** 2) - 0.5).sum()


class BayesNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([BayesLinear(4, 40), BayesLinear(40, 40), BayesLinear(40, 1)])

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x).squeeze(1)


def springs(n):
    x = torch.rand(n, 4) * 2 - 1
    y = torch.sin(3 * x[:, 0]) * x[:, 1] + 0.8 * x[:, 2] ** 2 - 0.5 * x[:, 3]
    return x * math.sqrt(3), (y - 0.27) / 0.55 + 0.3 * torch.randn(n)


x, y = springs(5000)
xv, yv = springs(1000)
net = BayesNet()
noise = 0.3
epochs = 25
opt = torch.optim.Adam(net.parameters(), lr=4e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    net.train()
    sums = [0.0, 0.0]
    for b in torch.randperm(len(x)).split(100):
        fit = F.mse_loss(net(x[b]), y[b]) / (2 * noise ** 2)
        kl = sum(layer.kl() for layer in net.layers) / len(x)
        opt.zero_grad()
        (fit + kl).backward()
        opt.step()
        sums[0] += fit.item() / 50
        sums[1] += kl.item() / 50
    sched.step()
    net.eval()
    with torch.no_grad():
        val_loss = F.mse_loss(net(xv), yv).item()
    print(f"epoch {epoch} fit {sums[0]:.3f} kl {sums[1]:.3f} val loss {val_loss:.4f}")
spread = F.softplus(net.layers[1].rho).mean().item()
print(f"final: val loss {val_loss:.4f} (noise alone {noise ** 2:.4f}), mean spread of the second layer's weights {spread:.3f}")
