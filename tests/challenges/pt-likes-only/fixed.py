# %% [markdown]
# Which songs does a listener like? Embeddings of listeners and songs, the log holds the plays.

# %%
import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(5)
LISTENERS, SONGS = 400, 300
group = torch.randint(0, 6, (LISTENERS,))
genre = torch.randint(0, 6, (SONGS,))
affinity = torch.randn(6, 6) * 1.8
chance = torch.sigmoid(affinity[group][:, genre] + 0.5 * torch.randn(SONGS) - 2.5)
played = torch.rand(LISTENERS, SONGS) < chance
log = played.nonzero()
log = log[torch.randperm(len(log))]
cut = int(0.8 * len(log))
train_log, val_log = log[:cut], log[cut:]


# %%
def with_labels(pairs):
    """Every play with label 1 and as many pairs drawn at random with label 0."""
    random_pairs = torch.stack([pairs[:, 0], torch.randint(0, SONGS, (len(pairs),))], 1)
    x = torch.cat([pairs, random_pairs])
    y = torch.cat([torch.ones(len(pairs)), torch.zeros(len(pairs))])
    return x, y


val_x, val_y = with_labels(val_log)


# %%
class TwoTables(nn.Module):
    def __init__(self, dim=8):
        super().__init__()
        self.listener = nn.Embedding(LISTENERS, dim)
        self.song = nn.Embedding(SONGS, dim)
        self.popularity = nn.Embedding(SONGS, 1)
        self.head = nn.Sequential(nn.Linear(2 * dim, 24), nn.ReLU(), nn.Linear(24, 1))

    def forward(self, pair):
        a, b = self.listener(pair[:, 0]), self.song(pair[:, 1])
        return ((a * b).sum(1, keepdim=True) + self.head(torch.cat([a, b], 1)) + self.popularity(pair[:, 1])).squeeze(1)


net = TwoTables()
for table in (net.listener, net.song, net.popularity):
    nn.init.normal_(table.weight, std=0.1)
opt = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.3)

# %%
epochs = 15
for epoch in range(1, epochs + 1):
    x, y = with_labels(train_log)
    total = 0.0
    for idx in torch.randperm(len(x)).split(128):
        loss = F.binary_cross_entropy_with_logits(net(x[idx]), y[idx])
        opt.zero_grad()
        loss.backward()
        opt.step()
        total += loss.item() * len(idx) / len(x)
    with torch.no_grad():
        out = net(val_x)
        val = F.binary_cross_entropy_with_logits(out, val_y).item()
        pos, neg = out[val_y == 1], out[val_y == 0]
        auc = (pos[:, None] > neg[None, :]).float().mean().item()
    print(f"epoch {epoch} train loss {total:.4f} val loss {val:.4f} auc {auc:.4f}")
