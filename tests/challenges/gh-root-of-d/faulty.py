import math
import torch
from torch import nn
import torch.nn.functional as F

torch.manual_seed(71)
JURORS, TRAITS = 16, 6


def juries(n):
    """The verdict depends on what the jurors think on average, with some chance."""
    x = torch.randn(n, JURORS, TRAITS)
    opinion = torch.stack([x[..., 0] + x[..., 1] * x[..., 2], x[..., 3] - 0.5 * x[..., 4], 0.8 * x[..., 5].abs() - 0.6], -1)
    return x, (2.0 * JURORS ** 0.5 * opinion.mean(1) / 1.2 + torch.distributions.Gumbel(0, 1).sample((n, 3))).argmax(1)


class Attention(nn.Module):
    def __init__(self, dim, heads):
        super().__init__()
        self.heads, self.d = heads, dim // heads
        self.q, self.k, self.v, self.o = (nn.Linear(dim, dim) for _ in range(4))

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads, self.d).transpose(1, 2)

    def forward(self, query, memory):
        q, k, v = self.split(self.q(query)), self.split(self.k(memory)), self.split(self.v(memory))
        scores = q @ k.transpose(-2, -1) * self.d
        mixed = F.softmax(scores, dim=-1) @ v
        return self.o(mixed.transpose(1, 2).flatten(2))


class Verdict(nn.Module):
    def __init__(self, dim=48, heads=2):
        super().__init__()
        self.embed = nn.Sequential(nn.Linear(TRAITS, dim), nn.GELU(), nn.Linear(dim, dim), nn.LayerNorm(dim))
        self.foreman = nn.Parameter(torch.randn(1, 1, dim))
        self.att = Attention(dim, heads)
        self.head = nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, 32), nn.GELU(), nn.Linear(32, 3))

    def forward(self, x):
        q = self.foreman.expand(len(x), 1, -1)
        return self.head((q + self.att(q, self.embed(x))).squeeze(1))


(x, y), (xv, yv) = juries(4000), juries(1000)
model = Verdict()
epochs = 10
optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
for epoch in range(1, epochs + 1):
    model.train()
    total = 0.0
    for idx in torch.randperm(len(x)).split(64):
        loss = F.cross_entropy(model(x[idx]), y[idx])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(idx) / len(x)
    sched.step()
    model.eval()
    with torch.no_grad():
        out = model(xv)
    vl, va = F.cross_entropy(out, yv).item(), (out.argmax(1) == yv).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {vl:.4f} val accuracy {va:.3f}")
print(f"final: val loss {vl:.3f} val accuracy {va:.3f}")
