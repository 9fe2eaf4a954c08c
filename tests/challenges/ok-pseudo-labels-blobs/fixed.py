"""Self-training: 600 rows have labels, thousands have not; sure predictions become labels from the fifth epoch on."""
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from sklearn.datasets import make_blobs

SEED = 6
torch.manual_seed(SEED)
X, y = make_blobs(6600, n_features=8, centers=5, cluster_std=2.3, center_box=(-4, 4), random_state=SEED)
X = (X - X.mean(0)) / X.std(0)
X, y = torch.tensor(X, dtype=torch.float32), torch.tensor(y)
lab_x, lab_y = X[:600], y[:600]
pool = X[600:4600]
val_x, val_y = X[4600:], y[4600:]


def weak(x):
    return x + 0.1 * torch.randn_like(x)


def strong(x):
    return x + 0.3 * torch.randn_like(x) * (torch.rand_like(x) < 0.7)


net = nn.Sequential(nn.Linear(8, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 48), nn.ReLU(), nn.Dropout(0.2), nn.Linear(48, 5))
opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, nesterov=True, weight_decay=5e-3)
EPOCHS = 16
WARM = 4
sched = torch.optim.lr_scheduler.CosineAnnealingLR(opt, EPOCHS, eta_min=5e-4)
for epoch in range(EPOCHS):
    net.train()
    sup_sum, pseudo_sum, used, n = 0.0, 0.0, 0.0, 0
    for u in torch.randperm(len(pool)).split(80):
        b = torch.randint(0, len(lab_x), (40,))
        sup = F.cross_entropy(net(weak(lab_x[b])), lab_y[b])
        loss = sup
        if epoch >= WARM:
            net.eval()                              # no dropout for the guesses
            with torch.no_grad():
                conf, guess = net(weak(pool[u])).softmax(1).max(1)
            net.train()
            mask = (conf > 0.9).float()
            pseudo = (F.cross_entropy(net(strong(pool[u])), guess, reduction="none") * mask).mean()
            loss = loss + 0.25 * pseudo
            pseudo_sum += pseudo.item()
            used += mask.mean().item()
        opt.zero_grad()
        loss.backward()
        opt.step()
        sup_sum += sup.item()
        n += 1
    sched.step()
    net.eval()
    with torch.no_grad():
        out = net(val_x)
        val = F.cross_entropy(out, val_y).item()
        acc = (out.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch + 1} train loss {(sup_sum + 0.25 * pseudo_sum) / n:.4f} val loss {val:.4f} accuracy {acc:.3f} used {used / n:.2f}")
