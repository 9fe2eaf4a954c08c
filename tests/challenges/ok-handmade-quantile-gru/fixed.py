import torch
import torch.nn as nn

QUANTILES = torch.tensor([0.1, 0.5, 0.9])


def pinball(pred, target):
    gap = target.unsqueeze(1) - pred
    return torch.maximum(QUANTILES * gap, (QUANTILES - 1) * gap).mean()


class QuantileGRU(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(1, hidden, batch_first=True)
        self.out = nn.Linear(hidden, 3)

    def forward(self, x):
        _, h = self.gru(x.unsqueeze(2))
        return self.out(h[0])


def series(n, length=20):
    rate = 0.5 + 0.45 * torch.rand(n)
    x = torch.zeros(n, length + 1)
    x[:, 0] = torch.randn(n)
    for t in range(1, length + 1):
        x[:, t] = rate * x[:, t - 1] + 0.6 * torch.randn(n)
    return x[:, :-1] / 0.9, x[:, -1] / 0.9


torch.manual_seed(42)
x, y = series(2500)
xv, yv = series(1200)
model = QuantileGRU()
epochs = 10
opt = torch.optim.RMSprop(model.parameters(), lr=3e-3)
sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.05, total_iters=epochs)
for epoch in range(epochs):
    model.train()
    for idx in torch.randperm(len(x)).split(50):
        loss = pinball(model(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
        val = pinball(out, yv).item()
        inside = ((yv > out[:, 0]) & (yv < out[:, 2])).float().mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {val:.4f} covered {inside:.3f}")
print(f"final: val loss {val:.4f}, covered {inside:.3f}")
