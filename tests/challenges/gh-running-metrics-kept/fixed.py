import resource

import torch
import torch.nn as nn

# Forecast the mean level of the next hours from a day of noisy readings.


class LevelGRU(nn.Module):
    def __init__(self, width=32):
        super().__init__()
        self.gru = nn.GRU(1, width, batch_first=True)
        self.read = nn.Sequential(nn.Linear(width, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, x):
        states, last = self.gru(x)
        return self.read(last[-1]).squeeze(1)


def readings(n, steps=24):
    level = torch.randn(n, 1)
    t = torch.arange(steps) / steps
    clean = level + torch.randn(n, 1) * t + 0.5 * torch.sin(6.28 * (t + torch.rand(n, 1)))
    y = clean[:, -6:].mean(1) + 0.35 * torch.randn(n)
    noisy = clean + 0.4 * torch.randn(n, steps)
    return noisy.unsqueeze(2) / 1.3, clean.unsqueeze(2) / 1.3, y / 1.3


def main(epochs=16, batch=40):
    torch.manual_seed(77)
    x, clean, y = readings(1000)
    xv, _, yv = readings(500)
    net = LevelGRU()
    opt = torch.optim.Adam(net.parameters(), lr=4e-3)
    sched = torch.optim.lr_scheduler.LinearLR(opt, 1.0, 0.02, total_iters=epochs)
    running = {"mse": 0.0, "mae": 0.0}
    step = 0
    for epoch in range(epochs):
        net.train()
        for idx in torch.randperm(len(x)).split(batch):
            loss = ((net(x[idx]) - y[idx]) ** 2).mean()
            opt.zero_grad()
            loss.backward()
            opt.step()
            step += 1
            running["mse"] += loss.item()
            running["mae"] += (net(clean[idx]) - y[idx]).abs().mean().item()
        sched.step()
        net.eval()
        with torch.no_grad():
            val = ((net(xv) - yv) ** 2).mean().item()
        print(f"epoch {epoch + 1} mse {running['mse'] / step:.4f} mae {running['mae'] / step:.4f} val loss {val:.4f}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"final: val loss {val:.4f}, peak memory {peak:.0f} MB")


main()
