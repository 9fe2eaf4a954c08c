"""Pre-train on many outlines, save, load into a new network, freeze the stem and fit another question. Resumes half-way."""
import os
import tempfile

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

torch.manual_seed(24)


def leaves(n):
    """Radius of a leaf's edge at 48 angles: number of lobes, how deep, how long."""
    lobes = torch.randint(2, 6, (n,))
    depth = 0.15 + 0.25 * torch.rand(n)
    long = torch.rand(n) - 0.5
    a = torch.linspace(0, 6.2832, 49)[:-1] + 6.28 * torch.rand(n, 1)
    r = depth[:, None] * torch.cos(lobes[:, None] * a) + 0.5 * long[:, None] * torch.cos(a) + 0.15 * torch.randn(n, 48)
    return (3 * r).unsqueeze(1), lobes - 2, (depth - 0.275) / 0.072


def stem():
    return nn.Sequential(nn.Conv1d(1, 16, 7, padding=3, padding_mode="circular"), nn.BatchNorm1d(16), nn.ReLU(), nn.MaxPool1d(2),
                         nn.Conv1d(16, 24, 5, padding=2, padding_mode="circular"), nn.BatchNorm1d(24), nn.ReLU())


class LeafNet(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.stem = stem()
        self.head = nn.Sequential(nn.Linear(48, 32), nn.ReLU(), nn.Linear(32, outputs))

    def forward(self, x):
        h = self.stem(x)
        return self.head(torch.cat([h.mean(-1), h.amax(-1)], 1))


folder = tempfile.mkdtemp()

# 1. the first question: how many lobes
x, lobes, _ = leaves(3000)
first = LeafNet(4)
opt = torch.optim.Adam(first.parameters(), lr=3e-3)
for k in range(4):
    first.train()
    for xb, yb in DataLoader(TensorDataset(x, lobes), batch_size=75, shuffle=True):
        opt.zero_grad()
        loss = F.cross_entropy(first(xb), yb)
        loss.backward()
        opt.step()
    print(f"pretraining pass {k + 1}: last batch {loss.item():.4f}")
torch.save(first.stem.state_dict(), os.path.join(folder, "stem.pt"))

# 2. another question, other leaves, the stem stays as it is
model = LeafNet(1)
model.stem.load_state_dict(torch.load(os.path.join(folder, "stem.pt")))
for p in model.stem.parameters():
    p.requires_grad = False
x, _, depth = leaves(3000)
xv, _, dv = leaves(800)
loader = DataLoader(TensorDataset(x, depth), batch_size=75, shuffle=True)


def new_optimizer(m):
    return torch.optim.AdamW([p for p in m.parameters() if p.requires_grad], lr=6e-3)


opt = new_optimizer(model)
EPOCHS = 24
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS, eta_min=1e-5)
for epoch in range(EPOCHS):
    if epoch == EPOCHS // 2:                    # as after a break
        model.load_state_dict(state["model"])
        opt.load_state_dict(state["opt"])
    model.head.train()
    model.stem.eval()
    total = 0.0
    for xb, yb in loader:
        loss = F.mse_loss(model(xb).squeeze(1), yb)
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() / len(loader)
    sched.step()
    model.eval()
    with torch.no_grad():
        pred = model(xv).squeeze(1)
        val = F.mse_loss(pred, dv).item()
    state = {"model": {k: v.clone() for k, v in model.state_dict().items()}, "opt": opt.state_dict(), "epoch": epoch}
    print(f"epoch {epoch + 1} train loss {total:.4f} val loss {val:.4f} r2 {1 - val / dv.var().item():.3f}")
