import torch
from torch import nn
import torch.nn.functional as F
from sklearn.datasets import load_digits

# every layer learns from its own little classifier; nothing is passed back to the layer below

torch.manual_seed(14)
EPOCHS = 20
X, y = load_digits(return_X_y=True)
X = torch.tensor(X / 8 - 1, dtype=torch.float32)
X = X + 0.6 * torch.randn_like(X)
y = torch.tensor(y)
order = torch.randperm(len(y))
tr, va = order[:1300], order[1300:]


class LocalLayer(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(n_in, n_out), nn.LayerNorm(n_out), nn.ReLU(), nn.Dropout(0.3))
        self.readout = nn.Linear(n_out, 10)
        self.opt = torch.optim.Adam(self.parameters(), lr=2e-3, weight_decay=1e-3)
        self.sched = torch.optim.lr_scheduler.CosineAnnealingLR(self.opt, EPOCHS)

    def learn(self, x, target):
        h = self.body(x)
        loss = F.cross_entropy(self.readout(h), target)
        self.opt.zero_grad()
        loss.backward()
        self.opt.step()
        return h.detach(), loss.item()


layers = nn.ModuleList([LocalLayer(64, 96), LocalLayer(96, 64), LocalLayer(64, 64)])

for epoch in range(EPOCHS):
    layers.train()
    train_loss = torch.zeros(3)
    batches = tr[torch.randperm(len(tr))].split(50)
    for b in batches:
        h = X[b]
        for k, layer in enumerate(layers):
            h, l = layer.learn(h, y[b])
            train_loss[k] += l / len(batches)
    layers.eval()
    with torch.no_grad():
        h, score = X[va], 0
        for layer in layers:
            h = layer.body(h)
            score = score + layer.readout(h) / 3
        val = F.cross_entropy(score, y[va]).item()
        acc = (score.argmax(1) == y[va]).float().mean().item()
    for layer in layers:
        layer.sched.step()
    print(f"epoch {epoch + 1} train loss {train_loss.mean().item():.4f} val loss {val:.4f} val accuracy {acc:.3f}")
