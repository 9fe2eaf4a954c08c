import math

import torch
from torch import nn
from torch.nn import functional as F

torch.manual_seed(19)


class Scorer(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(features, 24), nn.GELU(), nn.Linear(24, 1, bias=False))

    def forward(self, documents):
        return self.net(documents).squeeze(-1)


def queries(n, per_query=8, features=10):
    docs = torch.randn(n, per_query, features)
    relevance = 1.2 * docs[..., 0] + docs[..., 1] * docs[..., 2] - 0.8 * docs[..., 3].abs()
    return docs, relevance


def clicked_pairs(docs, relevance, per_query=6):
    """of two documents shown, the better one is clicked more often, not always"""
    n, k, _ = docs.shape
    a = torch.randint(k, (n, per_query))
    b = (a + torch.randint(1, k, (n, per_query))) % k
    q = torch.arange(n)[:, None].expand_as(a)
    swap = torch.rand(n, per_query) > torch.sigmoid(0.7 * (relevance[q, a] - relevance[q, b]))
    winner, loser = torch.where(swap, b, a), torch.where(swap, a, b)
    return docs[q, winner].flatten(0, 1), docs[q, loser].flatten(0, 1)


def ndcg(scores, relevance, at=5):
    gain = torch.sigmoid(relevance)
    discount = 1 / torch.log2(torch.arange(2, at + 2).float())
    found = gain.gather(1, scores.topk(at).indices) * discount
    best = gain.topk(at).values * discount
    return (found.sum(1) / best.sum(1)).mean().item()


train_docs, train_rel = queries(1200)
val_docs, val_rel = queries(500)
winners, losers = clicked_pairs(train_docs, train_rel)
val_winners, val_losers = clicked_pairs(val_docs, val_rel)
model = Scorer(10)
epochs = 10
optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3, weight_decay=1e-3)
scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.7)
for epoch in range(epochs):
    total = 0.0
    for i in torch.randperm(len(winners)).split(100):
        loss = F.softplus(model(losers[i]) - model(winners[i])).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(i) / len(winners)
    scheduler.step()
    with torch.no_grad():
        val = F.softplus(model(val_losers) - model(val_winners)).mean().item()
        quality = ndcg(model(val_docs), val_rel)
    print(f"epoch {epoch + 1} loss {total:.4f} val loss {val:.4f} ndcg@5 {quality:.4f}")
print(f"final: val loss {val:.4f} (coin toss {math.log(2):.4f}), ndcg@5 {quality:.4f}")
