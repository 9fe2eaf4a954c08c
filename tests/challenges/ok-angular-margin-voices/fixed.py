import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

SEED = 12
torch.manual_seed(SEED)
SPEAKERS, FEATURES = 20, 60
MARGIN, SCALE = 0.2, 10.0

g = np.random.default_rng(77)
timbre = g.normal(0, 1, (SPEAKERS, 8))
mixing = g.normal(0, 1, (8 + 12, FEATURES)) / np.sqrt(12)


def utterances(n, rng):
    who = rng.integers(0, SPEAKERS, n)
    hidden = np.concatenate([timbre[who] + rng.normal(0, 0.45, (n, 8)), rng.normal(0, 1, (n, 12))], 1)
    x = np.tanh(hidden @ mixing) + rng.normal(0, 0.2, (n, FEATURES))
    return x.astype("float32"), who


train_x, train_y = utterances(6000, np.random.default_rng(1))
val_x, val_y = utterances(1500, np.random.default_rng(2))
m, s = train_x.mean(0), train_x.std(0)
train_x, val_x = torch.from_numpy((train_x - m) / s), torch.from_numpy((val_x - m) / s)
train_y, val_y = torch.from_numpy(train_y), torch.from_numpy(val_y)


class AngularMargin(nn.Module):
    """additive margin on the cosine of the right speaker"""

    def __init__(self, dim, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(classes, dim))
        nn.init.xavier_uniform_(self.weight)

    def forward(self, emb, label=None):
        cosine = F.linear(F.normalize(emb), F.normalize(self.weight))
        if label is not None and self.training:
            cosine = cosine - MARGIN * F.one_hot(label, cosine.shape[1])
        return SCALE * cosine


embed = nn.Sequential(nn.Linear(FEATURES, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 16))
head = AngularMargin(16, SPEAKERS)
params = list(embed.parameters()) + list(head.parameters())
EPOCHS = 15
optimizer = torch.optim.SGD(params, lr=0.05, momentum=0.9, nesterov=True, weight_decay=1e-3)
loader = DataLoader(TensorDataset(train_x, train_y), batch_size=64, shuffle=True, drop_last=True)
scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=EPOCHS * len(loader))

for epoch in range(EPOCHS):
    embed.train(), head.train()
    running = 0.0
    for xb, yb in loader:
        loss = F.cross_entropy(head(embed(xb), yb), yb)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        running += loss.item()
    embed.eval(), head.eval()
    with torch.no_grad():
        scores = head(embed(val_x))
        val_loss = F.cross_entropy(scores, val_y).item()
        acc = (scores.argmax(1) == val_y).float().mean().item()
    print(f"epoch {epoch + 1:2d} margin loss {running / len(loader):.4f} val loss {val_loss:.4f} val accuracy {acc:.3f}")
print(f"final: val loss {val_loss:.4f} val accuracy {acc:.3f}")
