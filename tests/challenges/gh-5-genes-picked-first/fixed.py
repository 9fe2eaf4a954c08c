import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

EPOCHS = 25
seed = 3
rng = np.random.default_rng(seed)
torch.manual_seed(seed)


def cohort(n):
    """5000 genes, a handful of them weakly tied to the response"""
    X = rng.standard_normal((n, 5000)).astype(np.float32)
    logit = 1.0 * X[:, :6].sum(1)
    y = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    return X, y


def top_genes(X, y, k=30):
    """indices of the k genes that differ most between responders and the rest (t statistic)"""
    a, b = X[y == 1], X[y == 0]
    t = (a.mean(0) - b.mean(0)) / np.sqrt(a.var(0) / len(a) + b.var(0) / len(b))
    return np.argsort(-np.abs(t))[:k]


X, y = cohort(400)
later_X, later_y = cohort(1000)          # second hospital, arrived after the model was built
order = rng.permutation(400)
tr, va = order[:280], order[280:]

genes = top_genes(X[tr], y[tr])
X, later_X = X[:, genes], later_X[:, genes]

Xt, yt = torch.from_numpy(X[tr]), torch.from_numpy(y[tr])
Xv, yv = torch.from_numpy(X[va]), torch.from_numpy(y[va])
Xl, yl = torch.from_numpy(later_X), torch.from_numpy(later_y)

model = nn.Sequential(nn.Dropout(0.3), nn.Linear(30, 8), nn.ReLU(), nn.Dropout(0.5), nn.Linear(8, 2))
opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=0.1)
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS)


@torch.no_grad()
def score(x, t):
    model.eval()
    out = model(x)
    return F.cross_entropy(out, t).item(), (out.argmax(1) == t).float().mean().item()


for epoch in range(EPOCHS):
    model.train()
    s = 0.0
    for i in torch.randperm(280).split(28):
        loss = F.cross_entropy(model(Xt[i]), yt[i])
        opt.zero_grad()
        loss.backward()
        opt.step()
        s += loss.item() / 10
    sched.step()
    v, acc = score(Xv, yv)
    print(f"epoch {epoch + 1} train loss {s:.4f} val loss {v:.4f} val accuracy {acc:.3f}")
print("second hospital: loss %.4f accuracy %.3f" % score(Xl, yl))
