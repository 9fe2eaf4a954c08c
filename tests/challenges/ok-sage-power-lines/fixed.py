"""GraphSAGE with sampled neighbours: is a house on a grid of power lines likely to own solar panels?"""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(16)
rng = np.random.default_rng(seed=16)

# --- the graph: houses on a map, ten nearest are neighbours -----------------
N, K = 5000, 10
place = rng.random((N, 2))
neighbours = np.empty((N, K), dtype=np.int64)
for s in range(0, N, 500):
    dist = ((place[s:s + 500, None, :] - place[None]) ** 2).sum(-1)
    neighbours[s:s + 500] = np.argpartition(dist, K + 1, axis=1)[:, 1:K + 1]
features = rng.standard_normal((N, 6)).astype(np.float32)
hidden = 0.9 * features[:, 0] * features[:, 1] + 2.5 * features[neighbours, 2].mean(1) + 2.5 * np.abs(features[neighbours, 3]).mean(1) - 2.0
panels = (rng.random(N) < 1 / (1 + np.exp(-2.5 * hidden))).astype(np.float32)

x = torch.from_numpy(features)
nb = torch.from_numpy(neighbours)
y = torch.from_numpy(panels)
perm = torch.randperm(N)
train_idx, val_idx = perm[:4000], perm[4000:]


class SAGELayer(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.own = nn.Linear(n_in, n_out)
        self.pre = nn.Linear(n_in, n_out)
        self.other = nn.Linear(n_out, n_out, bias=False)

    def forward(self, h, h_nb):
        return F.relu(self.own(h) + self.other(F.relu(self.pre(h_nb)).mean(-2)))


class SAGE(nn.Module):
    def __init__(self, n_in=6, width=24):
        super().__init__()
        self.layer = SAGELayer(n_in, width)
        self.head = nn.Sequential(nn.Dropout(0.1), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 1))

    def forward(self, nodes, sample=None):
        picked = nb[nodes]
        if sample is not None:
            picked = picked[:, torch.randperm(K)[:sample]]
        return self.head(self.layer(x[nodes], x[picked])).squeeze(-1)


model = SAGE()
optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=3e-4)
EPOCHS = 16
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
for epoch in range(EPOCHS):
    model.train()
    total = 0
    for batch in train_idx[torch.randperm(len(train_idx))].split(100):
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(model(batch, sample=8), y[batch])
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
    scheduler.step()
    model.eval()
    with torch.no_grad():
        out = model(val_idx)
        val = F.binary_cross_entropy_with_logits(out, y[val_idx]).item()
        acc = ((out > 0) == (y[val_idx] > 0.5)).float().mean().item()
    print(f"epoch {epoch + 1} train loss {total / len(train_idx):.4f} val loss {val:.4f} accuracy {acc:.3f}")
