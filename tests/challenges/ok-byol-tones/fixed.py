import copy
import math
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(23)

# BYOL on short tones: two distorted views, an online network with predictor, a slowly following target, no negatives
N = 64


def tones(n):
    kind = torch.randint(0, 6, (n,))
    t = torch.linspace(0, 1, N)
    f = (3 + 2.5 * kind)[:, None] * (1 + 0.03 * torch.randn(n, 1))
    wave = torch.sin(2 * math.pi * f * t + 6.28 * torch.rand(n, 1))
    return wave, kind


def view(x):
    x = x * (0.5 + torch.rand(len(x), 1))
    x = torch.roll(x, int(torch.randint(0, N, ())), 1)
    return x + 0.3 * torch.randn_like(x)


def mlp(i, h, o):
    return nn.Sequential(nn.Linear(i, h), nn.BatchNorm1d(h), nn.ReLU(), nn.Linear(h, o))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Sequential(nn.Conv1d(1, 16, 9, stride=2), nn.BatchNorm1d(16), nn.ReLU(),
                                  nn.Conv1d(16, 32, 7, stride=2), nn.BatchNorm1d(32), nn.ReLU())
        self.project = mlp(32, 64, 16)

    def features(self, x):
        return self.conv(x.unsqueeze(1)).mean(2)

    def forward(self, x):
        return self.project(self.features(x))


online, predictor = Encoder(), mlp(16, 64, 16)
target = copy.deepcopy(online).requires_grad_(False)
optimizer = torch.optim.AdamW([*online.parameters(), *predictor.parameters()], lr=3e-3, weight_decay=1e-3)


def byol(a, b):
    with torch.no_grad():
        za, zb = target(a), target(b)
    return -(F.cosine_similarity(predictor(online(a)), zb) + F.cosine_similarity(predictor(online(b)), za)).mean() / 2


x, kind = tones(1500)
xv, kv = tones(600)
epochs = 14
for epoch in range(epochs):
    online.train(), predictor.train(), target.train()
    for g in optimizer.param_groups:
        g["lr"] = 3e-3 * 0.5 * (1 + math.cos(math.pi * epoch / epochs))
    total = 0.0
    for b in torch.randperm(1500).split(100):
        loss = byol(view(x[b]), view(x[b]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for t, o in zip(target.parameters(), online.parameters()):
                t.lerp_(o, 0.03)
        total += loss.item() / 15
    online.eval(), predictor.eval(), target.eval()
    with torch.no_grad():
        val = byol(view(xv), view(xv)).item()
        bank = F.normalize(online.features(view(x)), dim=1)
        near = (F.normalize(online.features(view(xv)), dim=1) @ bank.T).argmax(1)
        acc = (kind[near] == kv).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} nearest-neighbour accuracy {acc:.3f}")
