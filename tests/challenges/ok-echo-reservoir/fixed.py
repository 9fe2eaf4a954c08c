import torch
from torch import nn

EPOCHS = 25


def geyser(steps, n=1):
    """Pressure in the throat of a geyser: slow filling, eruption at a random threshold (relaxation oscillator), n geysers."""
    level, threshold = torch.rand(n), 1 + 0.1 * torch.randn(n)
    rate, out = 0.03 + 0.02 * torch.rand(n), []
    for _ in range(steps):
        level = level + rate * (1.3 - level) * 2
        burst = level > threshold
        threshold = torch.where(burst, 1 + 0.03 * torch.randn(n), threshold)
        level = torch.where(burst, torch.full_like(level, 0.15), level)
        out.append(level)
    return (torch.stack(out, 1) + 0.02 * torch.randn(n, steps) - 0.65) / 0.25


class Reservoir(nn.Module):
    """Fixed random recurrent layer; only the readout is learnt."""

    def __init__(self, units=150, radius=0.9, leak=0.5):
        super().__init__()
        w = torch.randn(units, units) * (torch.rand(units, units) < 0.1)
        w = w * (radius / torch.linalg.eigvals(w).abs().max())
        self.w_in = nn.Parameter(torch.rand(units, 1) - 0.5, requires_grad=False)
        self.w = nn.Parameter(w, requires_grad=False)
        self.leak = leak
        self.readout = nn.Linear(units + 1, 1)

    @torch.no_grad()
    def states(self, u):
        h, out = torch.zeros(len(u), len(self.w)), []
        for t in range(u.shape[1]):
            h = (1 - self.leak) * h + self.leak * torch.tanh(u[:, t:t + 1] @ self.w_in.T + h @ self.w.T)
            out.append(torch.cat([h, u[:, t:t + 1]], 1))
        return torch.stack(out, 1)

    def forward(self, u):
        return self.readout(self.states(u)).squeeze(-1)


torch.manual_seed(18)
train, val = geyser(240, 160), geyser(240, 40)
net = Reservoir()
opt = torch.optim.Adam((p for p in net.parameters() if p.requires_grad), lr=5e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)
huber, WASH = nn.HuberLoss(delta=0.5), 30
for epoch in range(EPOCHS):
    total = 0.0
    for idx in torch.randperm(len(train)).split(16):
        u = train[idx]
        loss = huber(net(u[:, :-1])[:, WASH:], u[:, WASH + 1:])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / 10
    sched.step()
    with torch.no_grad():
        v = huber(net(val[:, :-1])[:, WASH:], val[:, WASH + 1:]).item()
    print(f"epoch {epoch + 1}: train loss {total:.4f} val loss {v:.4f} persistence {huber(val[:, WASH:-1], val[:, WASH + 1:]):.4f}")
