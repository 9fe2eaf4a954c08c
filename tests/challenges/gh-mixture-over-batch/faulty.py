"""Mixture density network for the inverse kinematics of a two-link arm: one position, two elbow angles."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class MDN(nn.Module):
    def __init__(self, inputs=2, hidden=40, gaussians=4):
        super().__init__()
        self.gaussians = gaussians
        self.trunk = nn.Sequential(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh())
        self.gmm = nn.Linear(hidden, 3 * gaussians)

    def forward(self, x):
        mu, sigma, pi = self.gmm(self.trunk(x)).split(self.gaussians, dim=-1)
        logpi = F.log_softmax(pi, dim=-2)
        return mu, F.softplus(sigma) + 0.02, logpi


def gmm_loss(y, mu, sigma, logpi):
    log_prob = -0.5 * ((y - mu) / sigma) ** 2 - sigma.log() - 0.5 * math.log(2 * math.pi)
    return -torch.logsumexp(logpi + log_prob, dim=-1).mean()


def arm(n):
    shoulder = torch.rand(n) * 2.0
    elbow = (torch.rand(n) * 1.6 + 0.5) * torch.where(torch.rand(n) < 0.4, -1.0, 1.0)
    x = shoulder.cos() + (shoulder + elbow).cos() + 0.05 * torch.randn(n)
    y = shoulder.sin() + (shoulder + elbow).sin() + 0.05 * torch.randn(n)
    hand = torch.stack([(x - 0.6) / 0.9, (y - 1.0) / 0.75], 1)
    return hand, elbow.unsqueeze(1)


def proper_nll(mdn, x, y):
    """with the weights of the mixture normalised for each sample"""
    with torch.no_grad():
        mu, sigma, logpi = mdn(x)
        return gmm_loss(y, mu, sigma, logpi - logpi.logsumexp(-1, keepdim=True)).item()


def main():
    torch.manual_seed(62)
    x, y = arm(3000)
    xv, yv = arm(1000)
    mdn = MDN()
    epochs = 30
    batch = 100
    optimizer = torch.optim.RMSprop(mdn.parameters(), lr=3e-3, alpha=0.95)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for epoch in range(epochs):
        mdn.train()
        cumulative = 0.0
        for idx in torch.randperm(len(x)).split(batch):
            optimizer.zero_grad()
            loss = gmm_loss(y[idx], *mdn(x[idx]))
            loss.backward()
            nn.utils.clip_grad_norm_(mdn.parameters(), 5.0)
            optimizer.step()
            cumulative += loss.item() * batch / len(x)
        scheduler.step()
        mdn.eval()
        with torch.no_grad():
            val_loss = gmm_loss(yv, *mdn(xv)).item()
        print(f"epoch {epoch + 1} loss {cumulative:.4f} val loss {val_loss:.4f}")
    print(f"final: val loss {val_loss:.4f}, nll with normalised weights {proper_nll(mdn, xv, yv):.4f}")


main()
