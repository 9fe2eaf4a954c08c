import torch
from torch import nn


class GaussianMLP(nn.Module):
    """predicts a mean and how uncertain it is"""

    def __init__(self, inputs, width=40):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU())
        self.mean, self.log_var = nn.Linear(width, 1), nn.Linear(width, 1)
        nn.init.zeros_(self.log_var.weight)
        nn.init.zeros_(self.log_var.bias)

    def forward(self, x):
        h = self.body(x)
        return self.mean(h), self.log_var(h).clamp(-8, 4).exp()


def tide_gauge(n):
    x = torch.rand(n, 3) * 2 - 1
    level = 0.8 * torch.sin(3 * x[:, :1]) + 0.5 * x[:, 1:2] * x[:, 2:]
    spread = 0.03 + 0.12 * torch.sigmoid(4 * x[:, 1:2])
    return x, level + spread * torch.randn(n, 1)


class Fit:
    def __init__(self, model, lr, batch_size):
        self.model, self.batch_size = model, batch_size
        self.nll = nn.GaussianNLLLoss()
        self.optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01)

    def epoch(self, x, y):
        total = 0.0
        for idx in torch.randperm(len(x)).split(self.batch_size):
            mean, var = self.model(x[idx])
            loss = self.nll(mean, y[idx], var)
            self.optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
            self.optimizer.step()
            total += loss.item() * len(idx) / len(x)
        return total

    @torch.no_grad()
    def check(self, x, y):
        mean, var = self.model(x)
        inside = ((y - mean).abs() < var.sqrt()).float().mean().item()
        return self.nll(mean, y, var).item(), inside


def main(epochs=40):
    torch.manual_seed(62)
    x, y = tide_gauge(2500)
    x_val, y_val = tide_gauge(800)
    fit = Fit(GaussianMLP(3), lr=4e-3, batch_size=100)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(fit.optimizer, epochs)
    for epoch in range(epochs):
        loss = fit.epoch(x, y)
        schedule.step()
        val_loss, inside = fit.check(x_val, y_val)
        print(f"epoch {epoch + 1:3d} | loss {loss:8.4f} | val loss {val_loss:8.4f} | within one deviation {inside:.3f}")
    print(f"final: val loss {val_loss:.4f}, within one deviation {inside:.3f} (should be 0.683)")


main()
