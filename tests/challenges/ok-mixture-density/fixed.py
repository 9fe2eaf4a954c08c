import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.distributions import Categorical, MixtureSameFamily, Normal


@dataclass
class Config:
    epochs: int
    components: int = 5
    width: int = 48
    batch: int = 100
    lr: float = 2e-3


def inverse_problem(n):
    """Which angle threw the stone? Two angles reach the same distance."""
    angle = torch.rand(n, 1) * math.pi / 2
    distance = torch.sin(2 * angle) + 0.05 * torch.randn(n, 1)
    return (distance - 0.64) / 0.31, (angle - 0.785) / 0.45


class MDN(nn.Module):
    def __init__(self, k, width):
        super().__init__()
        self.k = k
        self.trunk = nn.Sequential(nn.Linear(1, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
        self.head = nn.Linear(width, 3 * k)
        with torch.no_grad():
            self.head.bias[k:2 * k] = torch.linspace(-1.2, 1.2, k)

    def forward(self, x):
        logits, mu, log_sigma = self.head(self.trunk(x)).split(self.k, 1)
        return MixtureSameFamily(Categorical(logits=logits), Normal(mu, log_sigma.clamp(-4, 2).exp()))


def train(cfg):
    torch.manual_seed(13)
    x, y = inverse_problem(4000)
    xv, yv = inverse_problem(1500)
    net = MDN(cfg.components, cfg.width)
    opt = torch.optim.Adam(net.parameters(), lr=cfg.lr)
    sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, cfg.epochs, eta_min=1e-5)
    for epoch in range(1, cfg.epochs + 1):
        net.train()
        total = 0.0
        for i in torch.randperm(len(x)).split(cfg.batch):
            nll = -net(x[i]).log_prob(y[i].squeeze(1)).mean()
            opt.zero_grad(set_to_none=True)
            nll.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 5.0)
            opt.step()
            total += nll.item() * len(i) / len(x)
        sched.step()
        net.eval()
        with torch.no_grad():
            val = -net(xv).log_prob(yv.squeeze(1)).mean().item()
        print(f"epoch {epoch} train nll {total:.4f} val loss {val:.4f}")
    return val


if __name__ == "__main__":
    print(f"final: val loss {train(Config(epochs=18)):.4f}")
