from dataclasses import dataclass

import torch
import torch.nn as nn
import torch.nn.functional as F


EPOCHS = 16


@dataclass
class Config:
    features: int = 30
    latent: int = 2
    hidden: int = 40
    beta: float = 0.01
    lr: float = 3e-3
    batch: int = 50
    epochs: int = EPOCHS


class VariationalCV(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(c.features, c.hidden), nn.Softplus(), nn.Linear(c.hidden, 2 * c.latent))
        self.decoder = nn.Sequential(nn.Linear(c.latent, c.hidden), nn.Softplus(), nn.Linear(c.hidden, c.features))

    def forward(self, x):
        mean, log_var = self.encoder(x).chunk(2, dim=1)
        z = mean + torch.randn_like(mean) * (0.5 * log_var).exp() if self.training else mean
        return self.decoder(z), mean, log_var


def trajectory(n, features, mixing):
    """distances between atoms of a molecule with two slow angles"""
    angle = torch.randn(n, 2)
    slow = torch.cat([angle, angle.sin(), angle[:, :1] * angle[:, 1:]], 1)
    x = slow @ mixing + 0.5 * torch.randn(n, features)
    return x / x.std()


def kl(mean, log_var):
    return (-0.5 * (1 + log_var - mean ** 2 - log_var.exp())).sum(1).mean()


def main(c):
    torch.manual_seed(17)
    mixing = 0.8 * torch.randn(5, c.features)
    x, x_val = trajectory(2500, c.features, mixing), trajectory(800, c.features, mixing)
    cv = VariationalCV(c)
    optimizer = torch.optim.Adam(cv.parameters(), lr=c.lr)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, c.epochs)
    for epoch in range(c.epochs):
        cv.train()
        for idx in torch.randperm(len(x)).split(c.batch):
            out, mean, log_var = cv(x[idx])
            loss = F.mse_loss(out, x[idx]) + c.beta * kl(mean, log_var)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        cv.eval()
        with torch.no_grad():
            out, mean, log_var = cv(x_val)
            mse, divergence = F.mse_loss(out, x_val).item(), kl(mean, log_var).item()
        print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {mse + c.beta * divergence:.4f} mse {mse:.4f} kl {divergence:.4f}")
    print(f"final: val mse {mse:.4f} (variance {x_val.var().item():.2f}), kl {divergence:.4f}")


if __name__ == "__main__":
    main(Config())
