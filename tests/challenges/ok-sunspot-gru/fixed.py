import torch
from torch import nn

torch.manual_seed(31)


def cycles(n, streams):
    """cycles of unlike length and height, like sunspots; the increments are noisy"""
    phase, speed = 6.28 * torch.rand(streams), 0.25 + 0.1 * torch.rand(streams)
    out = []
    for _ in range(n):
        speed = (speed + 0.004 * torch.randn(streams)).clamp(0.2, 0.4)
        phase = phase + speed
        out.append(torch.relu(torch.sin(phase)) ** 1.5 + 0.25 * torch.randn(streams))
    return torch.stack(out)


class Forecaster(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.gru = nn.GRU(1, hidden)
        self.out = nn.Linear(hidden, 1)

    def forward(self, x, state=None):
        h, state = self.gru(x[..., None], state)
        return x + self.out(h)[..., 0], state


series = cycles(1601, 16)
mean, std = series.mean(), series.std()
train = (series - mean) / std
val = (cycles(601, 16) - mean) / std
net = Forecaster()
epochs = 16
opt = torch.optim.Adam(net.parameters(), lr=8e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(epochs):
    state = None
    for t in range(0, 1600, 40):
        guess, state = net(train[t:t + 40], state)
        loss = (guess - train[t + 1:t + 41]).pow(2).mean()
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        state = state.detach()
    sched.step()
    with torch.no_grad():
        guess, _ = net(val[:-1])
        v = (guess - val[1:]).pow(2).mean().item()
    print(f"epoch {epoch + 1} loss {loss.item():.4f} val loss {v:.4f}")
print(f"final: val loss {v:.4f}, last value repeated {(val[1:] - val[:-1]).pow(2).mean().item():.4f}")
