import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(68)


def reviews(n):
    x = torch.randn(n, 10)
    liking = x[:, 0] + 0.8 * torch.relu(x[:, 1]) - 0.6 * x[:, 2] * (x[:, 3] > 0).float() + 0.4 * torch.randn(n) - 0.3
    stars = 1 + (liking[:, None] > torch.tensor([-1.4, -0.5, 0.4, 1.3])).sum(1)
    return x, stars


class OrdinalHead(nn.Module):
    """One score per sample, four ordered thresholds."""

    def __init__(self, n_in, levels=5):
        super().__init__()
        self.score = nn.Linear(n_in, 1)
        self.first = nn.Parameter(torch.tensor(-1.0))
        self.gaps = nn.Parameter(torch.zeros(levels - 2))

    def forward(self, h):
        cuts = torch.cat([self.first[None], self.first + F.softplus(self.gaps).cumsum(0)])
        return self.score(h) - cuts


def ordinal_loss(logits, stars):
    target = (stars[:, None] > torch.arange(1, 5)).float()
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none").sum(1).mean()


x, stars = reviews(4000)
xv, vstars = reviews(1200)
model = nn.Sequential(nn.Linear(10, 32), nn.ReLU(), nn.Linear(32, 16), nn.ReLU(), OrdinalHead(16))
epochs = 20
opt = torch.optim.AdamW(model.parameters(), lr=4e-3, weight_decay=0.02)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    s = 0.0
    for b in torch.randperm(len(x)).split(80):
        loss = ordinal_loss(model(x[b]), stars[b])
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item() * len(b) / len(x)
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
    v = ordinal_loss(out, vstars).item()
    mae = ((1 + (out > 0).sum(1)) - vstars).abs().float().mean().item()
    print(f"epoch {epoch} train loss {s:.4f} val loss {v:.4f} mean star error {mae:.3f}")
print(f"final: val loss {v:.3f}, mean star error {mae:.3f}")
