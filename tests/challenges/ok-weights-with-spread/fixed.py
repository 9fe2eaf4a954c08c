import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(4)


class BayesLinear(nn.Module):
    """linear layer whose weights are independent normals with learnt mean and spread"""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.mu = nn.Parameter(torch.randn(n_out, n_in) / math.sqrt(n_in))
        self.rho = nn.Parameter(torch.full((n_out, n_in), -4.0))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        sigma = F.softplus(self.rho)
        mean = F.linear(x, self.mu, self.bias)
        std = F.linear(x ** 2, sigma ** 2).clamp(min=1e-10).sqrt()
        return mean + std * torch.randn_like(std)

    def kl(self):
        sigma = F.softplus(self.rho)
        return (0.5 * (sigma ** 2 + self.mu ** 2) - torch.log(sigma) - 0.5).sum()


class WellNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.ModuleList([BayesLinear(5, 24), BayesLinear(24, 24), BayesLinear(24, 1)])
        self.log_noise = nn.Parameter(torch.tensor(-0.5))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x).squeeze(1)

    def log_likelihood(self, x, y):
        return torch.distributions.Normal(self(x), self.log_noise.exp()).log_prob(y)

    def kl(self):
        return sum(layer.kl() for layer in self.layers)


def wells(n):
    """depth of the water table against five standardised properties of the ground"""
    x = torch.randn(n, 5)
    y = torch.sin(1.5 * x[:, 0]) + 0.5 * x[:, 1] * x[:, 2] - 0.4 * x[:, 3]
    return x, (y + 0.3 * torch.randn(n)) / 1.05


def predictive_nll(net, x, y, samples=16):
    ll = torch.stack([net.log_likelihood(x, y) for _ in range(samples)])
    return -(torch.logsumexp(ll, 0) - math.log(samples)).mean().item()


x, y = wells(4000)
x_val, y_val = wells(1000)
net = WellNet()
epochs = 40
opt = torch.optim.Adam(net.parameters(), lr=0.01)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)

for epoch in range(epochs):
    net.train()
    total = 0.0
    for rows in torch.randperm(len(x)).split(100):
        loss = -net.log_likelihood(x[rows], y[rows]).mean() + net.kl() / len(x)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(rows) / len(x)
    sched.step()
    net.eval()
    with torch.no_grad():
        val_loss = predictive_nll(net, x_val, y_val)
    print(f"epoch {epoch + 1}: negative elbo {total:.4f} val loss {val_loss:.4f} noise {net.log_noise.exp().item():.3f}")

print(f"final: predictive negative log-likelihood {val_loss:.4f}, noise {net.log_noise.exp().item():.3f}")
