import torch
from torch import nn
import torch.nn.functional as F

STEPS = 30


def ledgers(n):
    """Sum of the amounts whose flag is set."""
    amount = torch.randn(n, STEPS)
    flag = (torch.rand(n, STEPS) < 0.2).float()
    total = (amount * flag).sum(1) / 2.4
    return torch.stack([amount, (flag - 0.2) / 0.4], 2), total + 0.3 * torch.randn(n)


class Accumulator(nn.Module):
    def __init__(self, hidden=40):
        super().__init__()
        self.embed = nn.Linear(2, hidden)
        self.recur = nn.Linear(hidden, hidden, bias=False)
        self.out = nn.Linear(hidden, 1)
        with torch.no_grad():
            nn.init.eye_(self.recur.weight)
            self.embed.weight.mul_(0.5)

    def forward(self, x):
        h = torch.zeros(x.size(0), self.recur.in_features)
        for t in range(x.size(1)):
            h = F.relu(self.embed(x[:, t]) + self.recur(h))
        return self.out(h).squeeze(1) / 4


torch.manual_seed(41)
x, y = ledgers(2500)
xv, yv = ledgers(800)
model = Accumulator()
epochs = 22
opt = torch.optim.Adam(model.parameters(), lr=2e-3)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    s = 0.0
    for b in torch.randperm(len(x)).split(64):
        loss = F.mse_loss(model(x[b]), y[b])
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        s += loss.item() * len(b) / len(x)
    sched.step()
    model.eval()
    with torch.no_grad():
        v = F.mse_loss(model(xv), yv).item()
    print(f"epoch {epoch} train loss {s:.4g} val loss {v:.4g}")
print(f"final: val mse {v:.4g} (variance {yv.var().item():.2f})")
